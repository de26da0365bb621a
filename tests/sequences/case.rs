//! One run: its program, input, account and server.

use super::program::Program;
use super::script::Script;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) program: Program,
    pub(crate) input: Input,
    pub(crate) rules: Rules,
    pub(crate) script: Script,
    /// True if the account has short timeouts.
    pub(crate) is_hasty: bool,
    /// True if the account allows only small messages.
    pub(crate) is_small: bool,
    pub(crate) is_dry: bool,
    /// True if the input is only checked.
    pub(crate) validates: bool,
}

/// An input, with the recipients and sources that it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    pub(crate) json: String,
    pub(crate) keywords: Option<String>,
    pub(crate) recipients: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) uploads: Vec<String>,
}

/// An account's policy: the rules that are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rules {
    /// Only senders of `example.com`.
    pub(crate) senders: bool,
    /// Only recipients of `example.net`.
    pub(crate) domains: bool,
    pub(crate) redirects: bool,
}

pub(crate) const REDIRECT: &str = "staging@example.org";

impl Case {
    pub(crate) fn sends(&self) -> bool {
        !self.is_dry && !self.validates
    }

    pub(crate) fn message_bytes(&self) -> u64 {
        if self.is_small { 500 } else { 8 << 20 }
    }
}

impl Rules {
    pub(crate) fn redirect(&self) -> Option<&'static str> {
        self.redirects.then_some(REDIRECT)
    }

    pub(crate) fn allows_sender(&self, address: &str) -> bool {
        !self.senders || has_domain(address, "example.com")
    }

    pub(crate) fn allows_recipient(&self, address: &str) -> bool {
        !self.domains || has_domain(address, "example.net")
    }
}

fn has_domain(address: &str, domain: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain))
}

/// Reports whether two spellings are the same address: local parts are compared exactly, domains as A-labels, ignoring
/// case.
pub(crate) fn same_address(one: &str, other: &str) -> bool {
    // The only non-ASCII domain in these tests.
    let canonical = |domain: &str| domain.to_lowercase().replace("b\u{fc}cher", "xn--bcher-kva");
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((one, its)), Some((other, others))) => {
            one == other && canonical(its) == canonical(others)
        }
        _ => false,
    }
}
