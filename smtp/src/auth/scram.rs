//! SCRAM-SHA-256 (RFC 5802, RFC 7677): both sides prove that they know the password, and neither sends it.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use stringprep::saslprep;
use zeroize::Zeroizing;

use super::{Exchange, Message};
use crate::secret::Secret;

pub(crate) struct Scram {
    username: String,
    password: Secret,
    nonce: String,
    state: State,
    proof: Option<Secret>,
}

enum State {
    /// No message has been sent.
    Begun,
    /// The first message was sent.
    Introduced,
    /// The proof was sent. The server must answer with this signature, which proves that it knows the password.
    Proven(Vec<u8>),
    /// The server proved that it knows the password.
    Trusted,
}

/// The GS2 header: no channel binding (RFC 5802 section 6), and no authorization identity.
const GS2_HEADER: &str = "n,,";

/// The iterations that a server may ask for. With fewer than RFC 7677 section 4 requires, an attacker can cheaply guess
/// the password from a captured proof. 200,000 take about 70 ms; servers ask for 4,096 to 15,000.
const ITERATIONS: RangeInclusive<u32> = 4_096..=200_000;

/// The longest salt, in bytes; 16 are usual. A minimum would not add security, since the server chooses the salt.
const MAX_SALT: usize = 256;

impl Scram {
    pub(crate) fn new(username: &str, password: &Secret) -> Self {
        Self {
            username: prepare(username),
            password: Secret::new(prepare(password.expose())),
            nonce: String::new(),
            state: State::Begun,
            proof: None,
        }
    }

    /// Returns the first message without its header.
    fn introduction(&self) -> String {
        // A saslname (RFC 5802 section 5.1): the two characters that would end it are escaped.
        let name = self.username.replace('=', "=3D").replace(',', "=2C");
        format!("n={name},r={}", self.nonce)
    }

    fn prove(&mut self, challenge: &str) -> Result<Message, &'static str> {
        let mut fields = challenge.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name));
        let (nonce, salt, count) = (field("r="), field("s="), field("i="));
        let (Some(nonce), Some(salt), Some(count)) = (nonce, salt, count) else {
            return Err("the challenge is not a SCRAM challenge");
        };
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("the challenge belongs to another login");
        }
        if !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the challenge's nonce is not printable");
        }
        let salt = STANDARD.decode(salt).map_err(|_| "the challenge's salt is not base64")?;
        if salt.is_empty() || salt.len() > MAX_SALT {
            return Err("the challenge's salt is empty, or too long");
        }
        let count = iterations(count)?;

        let mut salted = Zeroizing::new([0; digest::SHA256_OUTPUT_LEN]);
        let password = self.password.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, count, &salt, password, &mut *salted);
        let unproven = format!("c={},r={nonce}", STANDARD.encode(GS2_HEADER));
        let all = format!("{},{challenge},{unproven}", self.introduction());

        let client_key = sign(&*salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), all.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let proof = STANDARD.encode(proof);
        let server_key = sign(&*salted, b"Server Key");
        let expected = sign(server_key.as_ref(), all.as_bytes());

        let answer = format!("{unproven},p={proof}");
        self.proof = Some(Secret::new(proof));
        self.state = State::Proven(expected.as_ref().to_vec());
        Ok(Message::new(answer.into_bytes()))
    }

    fn trust(&mut self, challenge: &str, expected: &[u8]) -> Result<Message, &'static str> {
        if challenge.starts_with("e=") {
            // The reply that ends the login says what is wrong.
            return Ok(Message::default());
        }
        let field = challenge.split(',').next().and_then(|field| field.strip_prefix("v="));
        let shown = field.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        if shown != expected {
            return Err("the server does not prove that it knows the password");
        }
        self.state = State::Trusted;
        Ok(Message::default())
    }
}

impl Exchange for Scram {
    fn start(&mut self) -> Option<Message> {
        if self.nonce.is_empty() {
            let mut octets = [0; 18];
            // Without random numbers, a recorded login could be replayed, so none is started.
            SystemRandom::new().fill(&mut octets).ok()?;
            self.nonce = URL_SAFE_NO_PAD.encode(octets);
        }
        self.state = State::Introduced;
        Some(Message::new(format!("{GS2_HEADER}{}", self.introduction()).into_bytes()))
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Message, &'static str> {
        let challenge = std::str::from_utf8(challenge).map_err(|_| "the challenge is not text")?;
        match std::mem::replace(&mut self.state, State::Begun) {
            State::Introduced => self.prove(challenge),
            State::Proven(expected) => self.trust(challenge, &expected),
            State::Begun | State::Trusted => Err("the server sent an unexpected challenge"),
        }
    }

    /// Returns true for hashing the password, which is expensive. Checking the server's signature is cheap.
    fn takes_work(&self) -> bool {
        matches!(self.state, State::Introduced)
    }

    fn doubt(&self) -> Option<&'static str> {
        match self.state {
            State::Trusted => None,
            _ => Some("the server does not prove that it knows the password"),
        }
    }

    fn derived(&self) -> Option<&Secret> {
        self.proof.as_ref()
    }
}

/// Parses the iteration count: digits without a leading zero (RFC 5802 section 7).
fn iterations(text: &str) -> Result<NonZeroU32, &'static str> {
    let is_number = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = Some(text).filter(|text| is_number && !text.is_empty());
    let digits = digits.ok_or("the challenge's iteration count is not a number")?;
    // Parsing can fail only by overflow.
    let count = digits.parse().unwrap_or(u32::MAX);
    if count < *ITERATIONS.start() {
        return Err(
            "the server asks for fewer than 4,096 iterations, so the password could be guessed",
        );
    }
    NonZeroU32::new(count)
        .filter(|count| ITERATIONS.contains(&count.get()))
        .ok_or("the server asks for more than 200,000 iterations")
}

/// Normalizes a name or password with SASLprep (RFC 4013), so that both sides compute the same hash. Text that SASLprep
/// rejects stays unchanged, as servers store it.
fn prepare(text: &str) -> String {
    saslprep(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

fn sign(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// The example of RFC 7677 section 3.
    fn example() -> Scram {
        let mut scram = Scram::new("user", &Secret::new("pencil"));
        scram.nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let first = scram.start().expect("it speaks first");
        assert_eq!(first.as_slice(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        scram
    }

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let mut scram = example();
        let answer = scram.answer(CHALLENGE.as_bytes()).expect("a challenge");
        assert_eq!(
            String::from_utf8_lossy(&answer),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(scram.doubt().is_some(), "the server has proven nothing yet");
        let signature = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert!(scram.answer(signature).expect("it is the server's").is_empty());
        assert_eq!(scram.doubt(), None);
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_not_trusted() {
        for answer in ["v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=", "", "x"] {
            let mut scram = example();
            scram.answer(CHALLENGE.as_bytes()).expect("a challenge");
            assert!(scram.answer(answer.as_bytes()).is_err(), "{answer}");
            assert!(scram.doubt().is_some());
        }
    }

    #[test]
    fn invalid_challenges_are_not_answered() {
        for challenge in [
            "",
            "r=x",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=!,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO\u{e4},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOa\x07,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=+4096",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=04096",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096.0",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=200001",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999",
            "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000",
            "m=x,r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        ] {
            let mut scram = example();
            assert!(scram.answer(challenge.as_bytes()).is_err(), "{challenge}");
            assert!(scram.derived().is_none(), "{challenge}: nothing was computed");
        }
        let long_salt = STANDARD.encode([7; MAX_SALT + 1]);
        let challenge = format!("r=rOprNGfwEbeRWgbNEkqOabc,s={long_salt},i=4096");
        assert!(example().answer(challenge.as_bytes()).is_err());
    }

    #[test]
    fn the_counts_that_servers_have_are_answered() {
        for (count, salt) in
            [("4096", "c2FsdHNhbHQ="), ("15000", "YQ=="), ("200000", "c2FsdHNhbHQ=")]
        {
            let challenge = format!("r=rOprNGfwEbeRWgbNEkqOabc,s={salt},i={count},x=y");
            assert!(example().answer(challenge.as_bytes()).is_ok(), "{challenge}");
        }
    }
}
