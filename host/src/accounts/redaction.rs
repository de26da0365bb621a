//! Taking secrets out of what servers say: some echo what they were sent.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::secret::Secret;

/// The forms that a connection's secrets may be echoed in.
#[derive(Clone, Default)]
pub(crate) struct Redaction {
    forms: Vec<Zeroizing<String>>,
}

/// What stands where a secret stood.
const MARK: &str = "[secret]";

impl Redaction {
    /// Adds a secret, plain and in the encodings of SASL, URLs and dumps.
    pub(crate) fn add(&mut self, secret: &Secret) {
        let plain = secret.expose();
        let bytes = plain.as_bytes();
        let percent: String = bytes.iter().map(|byte| percent_encoded(*byte)).collect();
        let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let upper = hexadecimal.to_ascii_uppercase();
        let plain = plain.to_owned();
        let aligned = (0..3).map(|offset| base64_inside(bytes, offset));
        for form in [plain, percent, hexadecimal, upper].into_iter().chain(aligned) {
            if !form.is_empty() {
                self.forms.push(Zeroizing::new(form));
            }
        }
        // The longest first, so that no form is left of one that holds it.
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text without secrets.
    pub(crate) fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for form in &self.forms {
            if clean.contains(form.as_str()) {
                clean = Cow::Owned(clean.replace(form.as_str(), MARK));
            }
        }
        clean
    }
}

/// The characters of base64 that stand for a secret alone, where it starts `offset` octets into a group
/// of three: in `\0user\0secret` it may start anywhere.
fn base64_inside(secret: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(secret);
    let encoded = STANDARD_NO_PAD.encode(&padded);
    let start = (8 * offset).div_ceil(6);
    let end = 8 * padded.len() / 6;
    encoded.get(start..end).unwrap_or_default().to_owned()
}

fn percent_encoded(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn no_form_of_a_secret_is_left() {
        let secret = "s3cr3t & p\u{e4}ss";
        let mut redaction = Redaction::default();
        redaction.add(&Secret::new(secret));
        for user in ["", "u", "us", "user", "alice@example.com"] {
            let sasl = STANDARD.encode(format!("\0{user}\0{secret}"));
            let clean = redaction.apply(&sasl).into_owned();
            assert!(clean.contains(MARK), "{user}: {clean}");
            let decoded = STANDARD.decode(clean.replace(MARK, "")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&decoded).contains("s3cr3t"), "{user}");
        }
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in [secret.to_owned(), "s3cr3t%20%26%20p%C3%A4ss".to_owned(), hexadecimal] {
            assert_eq!(
                redaction.apply(&format!("you said <{text}>")),
                format!("you said <{MARK}>")
            );
        }
        assert!(matches!(redaction.apply("250 ok"), Cow::Borrowed(_)));
    }
}
