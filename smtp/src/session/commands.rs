//! An envelope as lines, with the parameters of the extensions that the server offers.

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter, RcptParameter};

use crate::client::connection::Connection;
use crate::excerpt::excerpt;
use crate::failure::{Failure, FailureCode, Phase};
use crate::{DsnOptions, DsnReturn, Envelope};

/// The lines of an envelope.
pub(crate) struct Commands {
    pub(crate) mail: String,
    pub(crate) recipients: Vec<String>,
}

impl Commands {
    pub(crate) fn of(connection: &Connection, envelope: &Envelope) -> Result<Self, Failure> {
        let sender = match envelope.sender.as_str() {
            "" => None,
            text => Some(address(text, FailureCode::Sender, Phase::MailFrom)?),
        };
        let mail = Mail::new(sender, mail_parameters(connection, envelope)).to_string();
        let recipients = envelope.recipients.iter().map(|text| {
            let address = address(text, FailureCode::Recipients, Phase::RcptTo)?;
            Ok(Rcpt::new(address, rcpt_parameters(connection, envelope)).to_string())
        });
        Ok(Self { mail, recipients: recipients.collect::<Result<_, Failure>>()? })
    }

    /// How many lines there are, DATA among them.
    pub(crate) fn len(&self) -> usize {
        self.recipients.len() + 2
    }

    /// Every line, DATA at the end.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let lines = std::iter::once(&self.mail).chain(&self.recipients).cloned();
        lines.chain(std::iter::once(Data.to_string()))
    }
}

fn address(text: &str, code: FailureCode, phase: Phase) -> Result<Address, Failure> {
    text.parse().map_err(|_| {
        Failure::new(
            code,
            phase,
            format!("{} is not an address that can be sent to", excerpt(text)),
        )
    })
}

/// What the envelope needs of the server, before a byte of it is sent.
pub(crate) fn check_extensions(
    connection: &Connection,
    envelope: &Envelope,
) -> Result<(), Failure> {
    let extensions = &connection.extensions;
    if let (Some(size), Some(Some(limit))) = (envelope.size, extensions.size)
        && size > limit
    {
        let message = format!("the message has {size} bytes, and the server takes at most {limit}");
        return Err(Failure::new(FailureCode::TooLarge, Phase::MailFrom, message)
            .hint("attach less, or send a link instead"));
    }
    let encrypted = connection.stream.is_encrypted();
    if connection.server.tls.require_tls && !(extensions.require_tls && encrypted) {
        let message = "the server does not promise to send on over TLS alone (REQUIRETLS)";
        return Err(Failure::new(FailureCode::Tls, Phase::MailFrom, message)
            .hint("use another server, or leave out the account's tls.requireTls")
            .after_config_change());
    }
    if needs_smtputf8(envelope) && !extensions.smtputf8 {
        let mut named = envelope.recipients.iter().chain([&envelope.sender]);
        let (code, whose) = match named.find(|address| !address.is_ascii()) {
            Some(address) if *address == envelope.sender => (FailureCode::Sender, address.as_str()),
            Some(address) => (FailureCode::Recipients, address.as_str()),
            None => (FailureCode::Sender, "an address in the headers"),
        };
        let message = format!(
            "{whose} has characters beyond ASCII before the @, and the server does not support that"
        );
        return Err(Failure::new(code, Phase::MailFrom, message)
            .hint("use an address in ASCII, or a server that offers SMTPUTF8"));
    }
    Ok(())
}

fn needs_smtputf8(envelope: &Envelope) -> bool {
    let mut addresses = envelope.recipients.iter().chain([&envelope.sender]);
    envelope.utf8_headers || addresses.any(|address| !address.is_ascii())
}

fn mail_parameters(connection: &Connection, envelope: &Envelope) -> Vec<MailParameter> {
    let extensions = &connection.extensions;
    let mut parameters = Vec::new();
    if let (Some(size), Some(_)) = (envelope.size, extensions.size) {
        // No message is larger than the address space of the machine that it was assembled on.
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
            // lettre writes it as xtext (RFC 3461 section 4).
            push("ENVID", id.clone());
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
        let both = DsnOptions { success: true, delay: true, ..DsnOptions::default() };
        assert_eq!(notify(&both), "SUCCESS,DELAY");
    }
}
