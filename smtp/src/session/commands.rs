//! The command lines of an envelope, with the parameters for the server's extensions.

use std::fmt::Display;

use lettre::transport::smtp::commands::Data;
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter, RcptParameter};

use crate::address::ForwardPath;
use crate::client::connection::Connection;
use crate::failure::{Failure, FailureCode, Phase};
use crate::{DsnOptions, DsnReturn, Envelope};

/// The command lines of an envelope.
pub(crate) struct Commands {
    pub(crate) mail: String,
    pub(crate) recipients: Vec<String>,
}

impl Commands {
    pub(crate) fn of(connection: &Connection, envelope: &Envelope) -> Self {
        let mail =
            line("MAIL FROM", envelope.sender.as_str(), &mail_parameters(connection, envelope));
        let parameters = rcpt_parameters(connection, envelope);
        let recipients = envelope.recipients.iter();
        let recipients = recipients.map(|path| line("RCPT TO", path.as_str(), &parameters));
        Self { mail, recipients: recipients.collect() }
    }

    /// Returns the number of lines, including DATA.
    pub(crate) fn len(&self) -> usize {
        self.recipients.len() + 2
    }

    /// Returns every line, with DATA last.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let lines = std::iter::once(&self.mail).chain(&self.recipients).cloned();
        lines.chain(std::iter::once(Data.to_string()))
    }
}

/// Formats a command with a path (RFC 5321 section 4.1.1). lettre's own commands accept a different address grammar.
fn line(verb: &str, path: &str, parameters: &[impl Display]) -> String {
    let mut line = format!("{verb}:<{path}>");
    for parameter in parameters {
        line.push_str(&format!(" {parameter}"));
    }
    line.push_str("\r\n");
    line
}

/// Checks that the server offers the extensions that the envelope needs, before any of it is sent.
pub(crate) fn check_extensions(
    connection: &Connection,
    envelope: &Envelope,
) -> Result<(), Failure> {
    let extensions = &connection.extensions;
    if let (Some(size), Some(Some(limit))) = (envelope.size, extensions.size)
        && size > limit
    {
        let message = format!(
            "the message is too large: {size} bytes, and the server accepts at most {limit}"
        );
        return Err(Failure::new(FailureCode::TooLarge, Phase::MailFrom, message)
            .hint("send fewer or smaller attachments, or a link instead"));
    }
    let encrypted = connection.stream.is_encrypted();
    if connection.server.tls.require_tls && !(extensions.require_tls && encrypted) {
        let message =
            "the server does not support REQUIRETLS, which the account's tls.requireTls asks for";
        return Err(Failure::new(FailureCode::Tls, Phase::MailFrom, message)
            .hint("use another server, or remove the account's tls.requireTls")
            .after_config_change());
    }
    if needs_smtputf8(envelope) && !extensions.smtputf8 {
        let is_beyond = |path: &&ForwardPath| !path.is_ascii();
        let recipient = envelope.recipients.iter().find(is_beyond);
        let (code, whose) = match (recipient, envelope.sender.path().filter(is_beyond)) {
            (Some(recipient), _) => (FailureCode::Recipients, recipient.as_str()),
            (None, Some(sender)) => (FailureCode::Sender, sender.as_str()),
            (None, None) => (FailureCode::Sender, "an address in the headers"),
        };
        let message = format!(
            "{whose} has non-ASCII characters before the @, and the server does not support them"
        );
        return Err(Failure::new(code, Phase::MailFrom, message)
            .hint("use an address with only ASCII before the @, or a server with SMTPUTF8"));
    }
    Ok(())
}

fn needs_smtputf8(envelope: &Envelope) -> bool {
    envelope.utf8_headers || envelope.paths().any(|path| !path.is_ascii())
}

fn mail_parameters(connection: &Connection, envelope: &Envelope) -> Vec<MailParameter> {
    let extensions = &connection.extensions;
    let mut parameters = Vec::new();
    if let (Some(size), Some(_)) = (envelope.size, extensions.size) {
        // A message is never larger than the address space of the machine that built it.
        parameters.push(MailParameter::Size(usize::try_from(size).unwrap_or(usize::MAX)));
    }
    if needs_smtputf8(envelope) {
        if extensions.eight_bit_mime {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if connection.server.tls.require_tls {
        let keyword = "REQUIRETLS".to_owned();
        parameters.push(MailParameter::Other { keyword, value: None });
    }
    if let (Some(notification), true) = (&envelope.notification, extensions.dsn) {
        let mut push = |keyword: &str, value: String| {
            let keyword = keyword.to_owned();
            parameters.push(MailParameter::Other { keyword, value: Some(value) });
        };
        match notification.report {
            Some(DsnReturn::Full) => push("RET", "FULL".to_owned()),
            Some(DsnReturn::Headers) => push("RET", "HDRS".to_owned()),
            None => {}
        }
        if let Some(id) = &notification.envelope_id {
            // lettre encodes it as xtext (RFC 3461 section 4).
            push("ENVID", id.as_str().to_owned());
        }
    }
    parameters
}

fn rcpt_parameters(connection: &Connection, envelope: &Envelope) -> Vec<RcptParameter> {
    match &envelope.notification {
        Some(notification) if connection.extensions.dsn => {
            vec![RcptParameter::Other {
                keyword: "NOTIFY".to_owned(),
                value: Some(notify(notification)),
            }]
        }
        _ => Vec::new(),
    }
}

fn notify(notification: &DsnOptions) -> String {
    let wanted = [
        (notification.success, "SUCCESS"),
        (notification.failure, "FAILURE"),
        (notification.delay, "DELAY"),
    ];
    let words: Vec<_> =
        wanted.iter().filter(|(wanted, _)| *wanted).map(|(_, word)| *word).collect();
    if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flag_means_never() {
        assert_eq!(notify(&DsnOptions::default()), "NEVER");
        let both = DsnOptions::default().success(true).delay(true);
        assert_eq!(notify(&both), "SUCCESS,DELAY");
    }
}
