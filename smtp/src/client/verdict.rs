//! Failures for negative replies: looks them up in the table of causes, with the facts of the connection.

use super::connection::{Connection, stage};
use crate::address::ForwardPath;
use crate::failure::{Failure, Phase, Refusal};
use crate::replies::reply::RawReply;
use crate::replies::{
    Event, Facts, Given, Lack, WAITED, find, of_lack, of_refusals, of_reply, retry,
};
use crate::reply::Reply;
use crate::settings::{Auth, AuthSecret};

/// Returns the failure for a reply, in a phase before the message can have been delivered.
pub(crate) fn of(connection: &Connection, phase: Phase, raw: &RawReply) -> Failure {
    let reply = connection.shown(raw);
    let line = line(&reply);
    of_reply(phase, reply, &facts(connection), &line, stage(phase))
}

/// Returns the refusal of one recipient, from the reply to RCPT.
pub(crate) fn of_recipient(
    connection: &Connection,
    recipient: &ForwardPath,
    raw: &RawReply,
) -> Refusal {
    let reply = connection.shown(raw);
    let cause = find(Phase::RcptTo, Event::Reply(&reply), &facts(connection));
    let retry = retry(Phase::RcptTo, &reply, cause);
    Refusal::new(recipient.clone(), reply, retry)
}

/// Reports whether the server says that it closed the connection because it was idle for too long.
pub(crate) fn was_idle(connection: &Connection, phase: Phase, raw: &RawReply) -> bool {
    let reply = connection.shown(raw);
    find(phase, Event::Reply(&reply), &facts(connection)).is_some_and(|cause| cause.name == WAITED)
}

/// Returns the failure of a message because the server refused all or some of its recipients.
pub(crate) fn of_recipients(connection: &Connection, refusals: Vec<Refusal>) -> Failure {
    let first = refusals.first().map_or(String::new(), |refusal| {
        format!("{}: {}", refusal.recipient, line(&refusal.reply))
    });
    of_refusals(refusals, &facts(connection), &first)
}

/// Returns the failure for a server that does not offer what the account needs.
pub(crate) fn of_missing(
    connection: &Connection,
    phase: Phase,
    lack: Lack,
    message: String,
) -> Failure {
    of_lack(phase, lack, message, &facts(connection))
}

/// Formats a reply on one line.
fn line(reply: &Reply) -> String {
    let enhanced = reply.enhanced.map_or(String::new(), |code| format!(" {code}"));
    format!("{}{enhanced} {}", reply.code, reply.text.replace('\n', " ")).trim_end().to_owned()
}

fn facts(connection: &Connection) -> Facts {
    let server = &connection.server;
    let provider = server.provider;
    let credentials = server.credentials.as_ref();
    let by_token = matches!(server.auth, Auth::OAuthBearer | Auth::XOAuth2)
        || credentials.is_some_and(|one| matches!(one.secret, AuthSecret::OAuth2(_)));
    let encrypted = connection.stream.is_encrypted();
    let given = [
        (Given::AutoAuth, server.auth == Auth::Auto),
        (Given::ChosenAuth, server.auth != Auth::Auto),
        (Given::Cleartext, !encrypted),
        (Given::Encrypted, encrypted),
        (Given::Login, credentials.is_some()),
        (Given::NoLogin, credentials.is_none()),
        (Given::Provider, provider.is_some()),
        (Given::StarttlsOffered, connection.extensions.starttls),
        (Given::Token, by_token),
        (Given::TokensOffered, connection.extensions.takes_tokens()),
    ];
    let given = given.into_iter().filter(|(_, holds)| *holds).map(|(fact, _)| fact).collect();
    Facts { provider, host: server.host.to_string(), port: server.port, given }
}
