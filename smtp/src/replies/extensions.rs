//! The extensions that a server offers (RFC 5321 section 4.1.1.1).

/// The extensions in a reply to EHLO. Keywords are case-insensitive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// RFC 3207.
    pub(crate) starttls: bool,
    /// RFC 2920.
    pub(crate) pipelining: bool,
    /// RFC 6152.
    pub(crate) eight_bit_mime: bool,
    /// RFC 6531.
    pub(crate) smtputf8: bool,
    /// RFC 3461.
    pub(crate) dsn: bool,
    /// RFC 8689.
    pub(crate) require_tls: bool,
    /// RFC 1870. The inner value is the largest accepted message, if the server states it.
    pub(crate) size: Option<Option<u64>>,
    /// RFC 4954. The names of the mechanisms, in upper case.
    pub(crate) auth: Vec<String>,
}

/// The mechanisms for access tokens: OAUTHBEARER (RFC 7628) and Google's XOAUTH2.
const BY_TOKEN: [&str; 2] = ["OAUTHBEARER", "XOAUTH2"];

impl Extensions {
    /// Reports whether the server offers a login with an access token.
    pub(crate) fn takes_tokens(&self) -> bool {
        self.auth.iter().any(|name| BY_TOKEN.contains(&name.as_str()))
    }

    /// Parses the lines of a reply to EHLO. The first line is the server's name.
    pub(crate) fn parse(lines: &[String]) -> Self {
        let mut found = Self::default();
        for line in lines.iter().skip(1) {
            // `AUTH=PLAIN` is the form from before the standard.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_uppercase().as_str() {
                "STARTTLS" => found.starttls = true,
                "PIPELINING" => found.pipelining = true,
                "8BITMIME" => found.eight_bit_mime = true,
                "SMTPUTF8" => found.smtputf8 = true,
                "DSN" => found.dsn = true,
                "REQUIRETLS" => found.require_tls = true,
                // Zero, or a missing number, means that there is no limit (RFC 1870 section 4).
                "SIZE" => {
                    let limit = words.next().and_then(|number| number.parse().ok());
                    found.size = Some(limit.filter(|limit| *limit > 0));
                }
                "AUTH" => {
                    for mechanism in words.map(str::to_ascii_uppercase) {
                        if !found.auth.contains(&mechanism) {
                            found.auth.push(mechanism);
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Extensions {
        Extensions::parse(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn keywords_are_known_in_any_case() {
        let found = parse(
            "mx.test\nstarttls\nPipelining\n8BITMIME\nSMTPUTF8\nDSN\nsize 35882577\nAUTH PLAIN login",
        );
        assert!(
            found.starttls
                && found.pipelining
                && found.eight_bit_mime
                && found.smtputf8
                && found.dsn
        );
        assert_eq!(found.size, Some(Some(35_882_577)));
        assert_eq!(found.auth, ["PLAIN", "LOGIN"]);
    }

    #[test]
    fn odd_lines_are_tolerated() {
        assert_eq!(
            parse("mx.test\n\n \nAUTH=PLAIN LOGIN\nAUTH PLAIN\nSIZE lots\nXYZ").auth,
            ["PLAIN", "LOGIN"]
        );
        assert_eq!(parse("mx.test\nSIZE lots").size, Some(None));
        assert_eq!(parse("mx.test\nSIZE 0").size, Some(None));
        assert_eq!(parse("mx.test\nSIZE").size, Some(None));
        // The first line is a name, even if it looks like an extension.
        assert_eq!(parse("STARTTLS"), Extensions::default());
        assert_eq!(parse(""), Extensions::default());
    }
}
