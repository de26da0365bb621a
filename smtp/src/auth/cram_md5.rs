//! CRAM-MD5 (RFC 2195): login with a keyed hash of the server's challenge.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;

use super::{Exchange, Message};
use crate::secret::Secret;

pub(crate) struct CramMd5 {
    username: String,
    password: Secret,
    digest: Option<Secret>,
}

impl CramMd5 {
    pub(crate) fn new(username: &str, password: &Secret) -> Self {
        Self { username: username.to_owned(), password: password.clone(), digest: None }
    }
}

impl Exchange for CramMd5 {
    fn answer(&mut self, challenge: &[u8]) -> Result<Message, &'static str> {
        if self.digest.is_some() {
            return Err("the server sent a second challenge");
        }
        let mac = Hmac::<Md5>::new_from_slice(self.password.expose().as_bytes());
        let mut mac = mac.map_err(|_| "the password cannot be used")?;
        mac.update(challenge);
        let digest: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let answer = format!("{} {digest}", self.username);
        self.digest = Some(Secret::new(digest));
        Ok(Message::new(answer.into_bytes()))
    }

    fn derived(&self) -> Option<&Secret> {
        self.digest.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let mut exchange = CramMd5::new("tim", &Secret::new("tanstaaftanstaaf"));
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let answer = exchange.answer(challenge).expect("a challenge");
        assert_eq!(answer.as_slice(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert!(exchange.answer(challenge).is_err());
    }
}
