//! The failure for a cause.

use super::cause::{Cause, Lack};
use super::matching::{Event, Facts, find};
use crate::failure::{Failure, FailureCode, Phase, Refusal, Retry};
use crate::reply::Reply;

/// Returns the failure for a reply in a phase in which the message is not delivered yet. `line` is the reply on one
/// line, `stage` is the phase in words.
pub(crate) fn of_reply(
    phase: Phase,
    reply: Reply,
    facts: &Facts,
    line: &str,
    stage: &str,
) -> Failure {
    if !reply.code.is_transient() && !reply.code.is_permanent() {
        // The server is out of step with the client, so its further replies are meaningless.
        let message = format!("unexpected reply from the server at {stage}: {line}");
        let failure = Failure::new(FailureCode::Protocol, phase, message)
            .hint("check host and port; if they are correct, tell the server's administrator")
            .later();
        return Failure { reply: Some(reply), ..failure };
    }
    let cause = find(phase, Event::Reply(&reply), facts);
    let code = cause.and_then(|cause| cause.code).unwrap_or_else(|| code_of(phase, &reply));
    let failure = Failure::new(code, phase, format!("{}: {line}", what(code)));
    Failure {
        retry: retry(phase, &reply, cause),
        hint: cause.map(|cause| cause.hint_for(facts)),
        mend: cause.and_then(|cause| cause.mend),
        account_wait: cause.and_then(|cause| cause.account_wait),
        reply: Some(reply),
        ..failure
    }
}

/// Returns the failure for a feature that the account needs and the server does not offer.
pub(crate) fn of_lack(phase: Phase, lack: Lack, message: String, facts: &Facts) -> Failure {
    let code = match lack {
        Lack::Starttls => FailureCode::Tls,
        Lack::Login | Lack::Mechanism => FailureCode::Auth,
    };
    let cause = find(phase, Event::Lacks(lack), facts);
    let hint = cause.map(|cause| cause.hint_for(facts));
    let mend = cause.and_then(|cause| cause.mend);
    Failure { hint, mend, ..Failure::new(code, phase, message).after_config_change() }
}

/// Returns the failure for a message whose recipients were all refused. `first` is the first recipient with its reply.
pub(crate) fn of_refusals(refusals: Vec<Refusal>, facts: &Facts, first: &str) -> Failure {
    let cause = common_cause(&refusals, facts);
    let code = cause.and_then(|cause| cause.code).unwrap_or(FailureCode::Recipients);
    let message = match (code, refusals.len()) {
        (FailureCode::Recipients, 1) => format!("the server refused the recipient {first}"),
        (FailureCode::Recipients, several) => {
            format!("the server refused {several} recipients, the first is {first}")
        }
        _ => format!("{}: {first}", what(code)),
    };
    let hint = cause.map_or_else(
        || "check the addresses, and the server's reply to each".to_owned(),
        |cause| cause.hint_for(facts),
    );
    let retry = if refusals.iter().all(|one| one.retry == Retry::Later) {
        Retry::Later
    } else if refusals.iter().all(|one| one.retry != Retry::Never) {
        Retry::AfterConfigChange
    } else {
        Retry::Never
    };
    let reply = refusals.first().map(|refusal| refusal.reply.clone());
    let failure = Failure::new(code, Phase::RcptTo, message).hint(hint);
    let account_wait = cause.and_then(|cause| cause.account_wait);
    Failure { retry, refusals, reply, account_wait, ..failure }
}

/// Returns the cause that all refusals have in common.
fn common_cause(refusals: &[Refusal], facts: &Facts) -> Option<&'static Cause> {
    let cause = |refusal: &Refusal| find(Phase::RcptTo, Event::Reply(&refusal.reply), facts);
    let (first, rest) = refusals.split_first()?;
    let first = cause(first)?;
    let is_first = |refusal| cause(refusal).is_some_and(|other| other.name == first.name);
    rest.iter().all(is_first).then_some(first)
}

/// Returns the retry class for a reply with this cause.
pub(crate) fn retry(phase: Phase, reply: &Reply, cause: Option<&Cause>) -> Retry {
    if reply.code.is_transient() {
        return Retry::Later;
    }
    if let Some(retry) = cause.and_then(|cause| cause.retry) {
        return retry;
    }
    match phase {
        Phase::Greeting | Phase::Ehlo | Phase::Starttls | Phase::Auth => Retry::AfterConfigChange,
        // Security and policy (RFC 3463 section 3.8): depends on the login and the sender.
        _ if reply.enhanced.is_some_and(|code| (code.class(), code.subject()) == (5, 7)) => {
            Retry::AfterConfigChange
        }
        _ if matches!(reply.code.get(), 530 | 538) => Retry::AfterConfigChange,
        _ => Retry::Never,
    }
}

fn what(code: FailureCode) -> &'static str {
    match code {
        FailureCode::TooLarge => "the server does not accept a message of this size",
        FailureCode::Auth => "the server refused the login",
        FailureCode::Sender => "the server refused the sender",
        FailureCode::Recipients => "the server refused the recipients",
        FailureCode::Data => "the server refused the message",
        FailureCode::Tls => "the server did not start TLS",
        _ => "the server refused the connection",
    }
}

/// Returns the failure code for a refusal in this phase.
fn code_of(phase: Phase, reply: &Reply) -> FailureCode {
    match phase {
        Phase::Auth => FailureCode::Auth,
        Phase::Starttls => FailureCode::Tls,
        // 530: authentication required; 538: encryption required for it (RFC 4954 section 6).
        Phase::MailFrom | Phase::RcptTo | Phase::Data if matches!(reply.code.get(), 530 | 538) => {
            FailureCode::Auth
        }
        Phase::MailFrom => FailureCode::Sender,
        Phase::RcptTo => FailureCode::Recipients,
        Phase::Data | Phase::Body | Phase::FinalReply => FailureCode::Data,
        _ => FailureCode::Connect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{EnhancedStatusCode, ReplyCode};

    #[test]
    fn replies_mean_what_their_users_found_out() {
        use FailureCode::*;
        use Retry::*;
        let facts = Facts { provider: None, host: String::new(), port: 25, given: Vec::new() };
        for (phase, number, text, code, may_retry) in [
            (Phase::Greeting, 421, "4.3.2 too busy", Connect, Later),
            (Phase::Greeting, 554, "5.7.1 no SMTP service here", Connect, AfterConfigChange),
            (Phase::Starttls, 454, "4.7.0 TLS not available", Tls, Later),
            (Phase::Starttls, 500, "5.5.1 what", Tls, AfterConfigChange),
            (Phase::Auth, 535, "5.7.8 bad", Auth, AfterConfigChange),
            (Phase::Auth, 454, "4.7.0 try later", Auth, Later),
            (Phase::MailFrom, 530, "5.7.0 Must issue STARTTLS", Auth, AfterConfigChange),
            (Phase::MailFrom, 451, "4.3.0 later", Sender, Later),
            (Phase::MailFrom, 550, "5.7.1 not yours", Sender, AfterConfigChange),
            (Phase::MailFrom, 550, "5.1.8 no such domain", Sender, Never),
            (Phase::MailFrom, 552, "5.3.4 too big", TooLarge, Never),
            (Phase::RcptTo, 550, "5.1.1 no such user", Recipients, Never),
            (Phase::RcptTo, 554, "5.7.1 relay access denied", Recipients, AfterConfigChange),
            (Phase::RcptTo, 450, "4.2.0 greylisted", Recipients, Later),
            (Phase::RcptTo, 552, "5.2.2 mailbox full", Recipients, Later),
            (Phase::FinalReply, 552, "5.2.2 mailbox full", Data, Later),
            (Phase::FinalReply, 552, "5.7.0 presents a potential security issue", Data, Never),
            (Phase::FinalReply, 554, "5.2.0 SubmissionQuotaExceeded", Data, Later),
            (Phase::FinalReply, 554, "5.6.0 rejected", Data, Never),
            (Phase::FinalReply, 554, "5.7.1 spam", Data, AfterConfigChange),
            (Phase::FinalReply, 552, "5.3.4 too big", TooLarge, Never),
            (Phase::MailFrom, 354, "2.0.0 go", Protocol, Later),
        ] {
            let (enhanced, rest) = text.split_once(' ').expect("two parts");
            let enhanced: EnhancedStatusCode = enhanced.parse().expect("an enhanced status code");
            let number = ReplyCode::new(number).expect("a reply code");
            let reply = Reply::new(number, rest).enhanced(enhanced);
            let failure = of_reply(phase, reply, &facts, text, "a stage");
            assert_eq!((failure.code, failure.retry), (code, may_retry), "{phase} {number} {text}");
            assert!(failure.hint.is_some(), "{phase} {number} {text}");
        }
    }
}
