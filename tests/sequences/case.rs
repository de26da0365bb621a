//! One run: its program, input, account and server.

use super::program::Program;
use super::script::Script;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) program: Program,
    pub(crate) input: Input,
    pub(crate) rules: Rules,
    pub(crate) script: Script,
    /// Whether the account has short deadlines.
    pub(crate) is_hasty: bool,
    /// Whether the account's messages are small.
    pub(crate) is_small: bool,
    pub(crate) is_dry: bool,
    /// Whether the input is only checked.
    pub(crate) validates: bool,
}

/// An input, and what it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    pub(crate) json: String,
    pub(crate) keywords: Option<String>,
    pub(crate) recipients: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) uploads: Vec<String>,
}

/// An account's policy: which of its rules there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rules {
    /// Senders of `example.com`.
    pub(crate) senders: bool,
    /// Recipients of `example.net`.
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

/// Whether two spellings are one address: the local part as it is written, the domain in any case, and as A-labels.
pub(crate) fn same_address(one: &str, other: &str) -> bool {
    // The one domain beyond ASCII that is played with.
    let canonical = |domain: &str| domain.to_lowercase().replace("b\u{fc}cher", "xn--bcher-kva");
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((one, its)), Some((other, others))) => {
            one == other && canonical(its) == canonical(others)
        }
        _ => false,
    }
}
