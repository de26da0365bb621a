//! Parses the commands of a client (RFC 5321 section 4.1).

use super::failures::FailureStage;

/// A parsed command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo(String),
    Helo(String),
    Mail {
        sender: String,
        parameters: Vec<String>,
    },
    Rcpt {
        recipient: String,
        parameters: Vec<String>,
    },
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Starttls,
    Auth {
        mechanism: String,
        initial: Option<String>,
    },
    /// A known command with invalid arguments.
    Malformed,
    Unknown,
}

impl Command {
    /// Returns the stage at which the inbox may fail on purpose.
    pub(super) fn failure_stage(&self) -> Option<FailureStage> {
        match self {
            Self::Ehlo(_) | Self::Helo(_) => Some(FailureStage::Ehlo),
            Self::Auth { .. } => Some(FailureStage::Auth),
            Self::Mail { .. } => Some(FailureStage::Mail),
            Self::Rcpt { .. } => Some(FailureStage::Rcpt),
            Self::Data => Some(FailureStage::Data),
            _ => None,
        }
    }

    pub(super) fn parse(line: &[u8]) -> Self {
        let Ok(line) = std::str::from_utf8(line) else { return Self::Malformed };
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !rest.is_empty() => Self::Ehlo(rest.to_owned()),
            "HELO" if !rest.is_empty() => Self::Helo(rest.to_owned()),
            "MAIL" => match path("FROM:", rest) {
                Some((sender, parameters)) => Self::Mail { sender, parameters },
                None => Self::Malformed,
            },
            "RCPT" => match path("TO:", rest) {
                Some((recipient, parameters)) if !recipient.is_empty() => {
                    Self::Rcpt { recipient, parameters }
                }
                _ => Self::Malformed,
            },
            "AUTH" if !rest.is_empty() => {
                let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
                let initial = Some(initial).filter(|text| !text.is_empty()).map(str::to_owned);
                Self::Auth { mechanism: mechanism.to_ascii_uppercase(), initial }
            }
            "DATA" if rest.is_empty() => Self::Data,
            "RSET" if rest.is_empty() => Self::Rset,
            "STARTTLS" if rest.is_empty() => Self::Starttls,
            "NOOP" => Self::Noop,
            "QUIT" if rest.is_empty() => Self::Quit,
            "VRFY" => Self::Vrfy,
            "EHLO" | "HELO" | "AUTH" | "DATA" | "RSET" | "STARTTLS" | "QUIT" => Self::Malformed,
            _ => Self::Unknown,
        }
    }
}

/// Parses the arguments of MAIL and RCPT, such as `FROM:<path> parameters`.
fn path(lead: &str, text: &str) -> Option<(String, Vec<String>)> {
    let start = text.get(..lead.len()).filter(|start| start.eq_ignore_ascii_case(lead))?;
    let rest = text[start.len()..].trim_start().strip_prefix('<')?;
    let (path, rest) = rest.split_once('>')?;
    let separated = rest.is_empty() || rest.starts_with(' ');
    let plain = !path.chars().any(|c| c.is_control() || c.is_whitespace() || c == '<');
    let parameters = rest.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    (separated && plain).then(|| (path.to_owned(), parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_any_case() {
        assert_eq!(Command::parse(b"ehlo a.test"), Command::Ehlo("a.test".into()));
        assert_eq!(Command::parse(b"data "), Command::Data);
        assert_eq!(
            Command::parse(b"Mail From:<a@x.test> SIZE=10 BODY=8BITMIME"),
            Command::Mail {
                sender: "a@x.test".into(),
                parameters: vec!["SIZE=10".into(), "BODY=8BITMIME".into()]
            }
        );
        assert_eq!(
            Command::parse(b"MAIL FROM:<>"),
            Command::Mail { sender: String::new(), parameters: Vec::new() }
        );
        assert_eq!(
            Command::parse(b"auth plain AAA="),
            Command::Auth { mechanism: "PLAIN".into(), initial: Some("AAA=".into()) }
        );
    }

    #[test]
    fn invalid_commands_are_refused() {
        for line in [
            "EHLO",
            "MAIL",
            "MAIL FROM:a@x.test",
            "MAIL FROM:<a b@x.test>",
            "RCPT TO:<>",
            "RCPT TO:<a@x.test>X",
            "DATA now",
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Command::Malformed, "{line}");
        }
        assert_eq!(Command::parse(b"GET / HTTP/1.1"), Command::Unknown);
        assert_eq!(Command::parse(b"\xff"), Command::Malformed);
    }
}
