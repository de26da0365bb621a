//! What a reply that is no go-ahead means: whether to try again, and what to do about it.

use super::connection::{Connection, stage};
use super::reply::RawReply;
use crate::failure::{Failure, FailureCode, Phase, Refusal, Reply, Retry};

/// The failure that a reply stands for, in a phase in which nobody can have the message.
pub(super) fn of(connection: &Connection, phase: Phase, raw: &RawReply) -> Failure {
    let reply = connection.shown(raw);
    let hint = hint(phase, &reply).or_else(|| provider_hint(connection, phase));
    let mut failure = if raw.is_transient() || raw.is_permanent() {
        refused(phase, &reply)
    } else {
        unexpected(phase, &reply)
    };
    failure.hint = hint.or(failure.hint);
    failure.reply = Some(reply);
    failure
}

/// What a reply to RCPT says of one recipient.
pub(super) fn of_recipient(connection: &Connection, recipient: &str, raw: &RawReply) -> Refusal {
    let reply = connection.shown(raw);
    let retry = retry(Phase::RcptTo, &reply);
    Refusal { recipient: recipient.to_owned(), field: None, reply, retry }
}

fn refused(phase: Phase, reply: &Reply) -> Failure {
    let code = code(phase, reply);
    let what = match code {
        FailureCode::TooLarge => "the server does not take a message of this size",
        FailureCode::Auth => "the server does not accept the login",
        FailureCode::Sender => "the server does not accept the sender",
        FailureCode::Recipients => "the server does not accept the recipients",
        FailureCode::Data => "the server does not accept the message",
        FailureCode::Tls => "the server does not encrypt the connection",
        _ => "the server does not talk to this machine",
    };
    let failure = Failure::new(code, phase, format!("{what}: {}", line(reply)));
    Failure { retry: retry(phase, reply), ..failure }
}

/// A reply that is neither yes nor no: the server is out of step, and nothing it says counts any more.
fn unexpected(phase: Phase, reply: &Reply) -> Failure {
    let message =
        format!("the server's answer has no meaning at {}: {}", stage(phase), line(reply));
    Failure::new(FailureCode::Protocol, phase, message)
        .hint("check host and port; if they are right, tell whoever runs the server")
        .later()
}

/// A reply on one line.
pub(super) fn line(reply: &Reply) -> String {
    let enhanced = reply.enhanced.as_ref().map_or(String::new(), |code| format!(" {code}"));
    format!("{}{enhanced} {}", reply.code, reply.text.replace('\n', " ")).trim_end().to_owned()
}

fn code(phase: Phase, reply: &Reply) -> FailureCode {
    if is_too_large(reply)
        && matches!(phase, Phase::MailFrom | Phase::Data | Phase::Body | Phase::FinalReply)
    {
        return FailureCode::TooLarge;
    }
    match phase {
        Phase::Auth => FailureCode::Auth,
        Phase::Starttls => FailureCode::Tls,
        // 530: authentication required; 538: encryption required for it (RFC 4954 section 6).
        Phase::MailFrom | Phase::RcptTo | Phase::Data if matches!(reply.code, 530 | 538) => {
            FailureCode::Auth
        }
        Phase::MailFrom => FailureCode::Sender,
        Phase::RcptTo => FailureCode::Recipients,
        Phase::Data | Phase::Body | Phase::FinalReply => FailureCode::Data,
        _ => FailureCode::Connect,
    }
}

/// 552 and 5.3.4, and Sendmail's 523; a full mailbox has the same number and another meaning.
fn is_too_large(reply: &Reply) -> bool {
    match (reply.code, reply.enhanced.as_deref()) {
        (_, Some("5.3.4" | "5.2.3")) | (523, _) => true,
        (552, enhanced) => !enhanced.is_some_and(|code| code.starts_with("5.2.")),
        _ => false,
    }
}

fn retry(phase: Phase, reply: &Reply) -> Retry {
    let enhanced = reply.enhanced.as_deref().unwrap_or_default();
    match reply.code {
        400..=499 => Retry::Later,
        // The mailbox is full, or the day's quota used up: neither lasts.
        552 if enhanced == "5.2.2" => Retry::Later,
        554 if reply.text.contains("SubmissionQuotaExceeded") => Retry::Later,
        _ => match phase {
            Phase::Greeting | Phase::Ehlo | Phase::Starttls | Phase::Auth => {
                Retry::AfterConfigChange
            }
            // Security and policy (RFC 3463 section 3.8): who logs in, and with what sender.
            _ if enhanced.starts_with("5.7.") || matches!(reply.code, 530 | 538) => {
                Retry::AfterConfigChange
            }
            _ => Retry::Never,
        },
    }
}

/// What helps with replies that users of common servers have asked about.
fn hint(phase: Phase, reply: &Reply) -> Option<String> {
    let enhanced = reply.enhanced.as_deref().unwrap_or_default();
    let hint = match (reply.code, enhanced, phase) {
        (421, "4.7.0", Phase::Greeting | Phase::Ehlo) => {
            "set the account's ehloName to a name of your own domain: some relays refuse others"
        }
        (432 | 421, "4.3.2", _) => "fewer connections at once; try again in a while",
        (534, ..) | (_, "5.7.9", Phase::Auth) => {
            "log in with an app password: the provider does not take the account's own"
        }
        (550, "5.7.30", _) => "this server no longer takes passwords: it wants OAuth 2",
        (535, ..) => {
            "check user name and password; many providers want an app password or an API key instead"
        }
        (538 | 530, ..) => {
            "the server wants an encrypted connection, or a login: set security, username and password"
        }
        (504, _, Phase::Auth) => "set the account's auth to auto",
        (_, "5.7.1", Phase::RcptTo) => {
            "the server does not relay for this account: log in, or use the server of the sender's domain"
        }
        (_, "5.7.1", _) => "use a sender that this account may send as",
        (552, "5.2.2", _) | (452, "4.2.2", _) => "the recipient's mailbox is full; try again later",
        (452, "4.5.3", _) => "send to fewer recipients at once",
        (_, _, Phase::MailFrom | Phase::Data | Phase::Body | Phase::FinalReply)
            if is_too_large(reply) =>
        {
            "attach less, or send a link instead"
        }
        (550 | 551 | 553, _, Phase::RcptTo) => "check the address",
        (400..=499, ..) => "try again later",
        (_, _, Phase::MailFrom) => "use a sender that this account may send as",
        (_, _, Phase::Greeting | Phase::Ehlo) => {
            "the server may refuse this machine's address: check host and port, and that it is meant for you"
        }
        (_, _, Phase::Starttls) => "port 465 with security = \"tls\" may work",
        (_, _, Phase::Data | Phase::Body | Phase::FinalReply) => {
            "the server's words say why: it may dislike the sender, a link or an attachment"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What the provider's users have to know about logging in.
fn provider_hint(connection: &Connection, phase: Phase) -> Option<String> {
    let provider = connection.account.provider.filter(|_| phase == Phase::Auth)?;
    Some(format!("{}: {}", provider.title, provider.hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        let (enhanced, text) = match text.split_once(' ') {
            Some((first, rest)) if first.contains('.') => (Some(first.to_owned()), rest),
            _ => (None, text),
        };
        Reply { code, enhanced, text: text.to_owned() }
    }

    #[test]
    fn replies_mean_what_their_users_found_out() {
        use FailureCode::*;
        use Retry::*;
        for (phase, number, text, failure_code, may_retry) in [
            (Phase::Greeting, 421, "4.3.2 too busy", Connect, Later),
            (Phase::Greeting, 554, "5.7.1 no SMTP service here", Connect, AfterConfigChange),
            (Phase::Starttls, 454, "4.7.0 TLS not available", Tls, Later),
            (Phase::Starttls, 500, "what", Tls, AfterConfigChange),
            (Phase::Auth, 535, "5.7.8 bad", Auth, AfterConfigChange),
            (Phase::Auth, 454, "4.7.0 try later", Auth, Later),
            (Phase::MailFrom, 530, "5.7.0 Must issue STARTTLS", Auth, AfterConfigChange),
            (Phase::MailFrom, 451, "4.3.0 later", Sender, Later),
            (Phase::MailFrom, 550, "5.7.1 not yours", Sender, AfterConfigChange),
            (Phase::MailFrom, 550, "5.1.8 no such domain", Sender, Never),
            (Phase::MailFrom, 552, "5.3.4 too big", TooLarge, Never),
            (Phase::MailFrom, 552, "too big", TooLarge, Never),
            (Phase::RcptTo, 550, "5.1.1 no such user", Recipients, Never),
            (Phase::RcptTo, 554, "5.7.1 relay access denied", Recipients, AfterConfigChange),
            (Phase::RcptTo, 450, "4.2.0 greylisted", Recipients, Later),
            (Phase::RcptTo, 552, "5.2.2 mailbox full", Recipients, Later),
            (Phase::FinalReply, 552, "5.2.2 mailbox full", Data, Later),
            (Phase::FinalReply, 554, "5.2.0 SubmissionQuotaExceeded", Data, Later),
            (Phase::FinalReply, 554, "5.6.0 rejected", Data, Never),
            (Phase::FinalReply, 552, "5.3.4 too big", TooLarge, Never),
        ] {
            let reply = reply(number, text);
            assert_eq!(code(phase, &reply), failure_code, "{phase} {number} {text}");
            assert_eq!(retry(phase, &reply), may_retry, "{phase} {number} {text}");
        }
    }

    #[test]
    fn hints_are_about_what_was_said() {
        let hint = |phase, code, text: &str| hint(phase, &reply(code, text)).unwrap_or_default();
        assert!(hint(Phase::Ehlo, 421, "4.7.0 Try again").contains("ehloName"));
        assert!(hint(Phase::Auth, 534, "5.7.9 app password").contains("app password"));
        assert!(hint(Phase::Auth, 550, "5.7.30 basic").contains("OAuth"));
        assert!(hint(Phase::RcptTo, 554, "5.7.1 relay").contains("relay"));
        assert!(hint(Phase::FinalReply, 552, "5.3.4 big").contains("attach less"));
    }
}
