//! Failures on purpose: how a client meets a server that is busy, slow or gone.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The failures of an inbox. A clone changes the same failures, also while the inbox runs.
///
/// ```
/// use smtp_connector_inbox::{Failures, Inbox};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let failures = Failures::default();
/// let inbox = Inbox::builder().failures(failures.clone()).start("127.0.0.1:0").await?;
/// failures.add("rcpt*1=451 4.7.1 come back later".parse()?);
/// // The next recipient is deferred, and those after it are accepted.
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<Vec<Failure>>>);

/// A failure on purpose. As text, it is `STAGE=ACT`, or `STAGE*TIMES=ACT`.
///
/// | text | the inbox |
/// |---|---|
/// | `rcpt=451` | defers every recipient |
/// | `rcpt*2=550 5.1.1 no such user` | refuses the next two recipients with this reply |
/// | `end*1=drop` | closes the connection after the next message, without a reply |
/// | `data=delay:5s` | waits for 5 seconds before it answers DATA |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// Where in the conversation.
    pub stage: FailureStage,
    /// The act.
    pub act: FailureAct,
    /// The number of times that are left. `None`: every time.
    pub times: Option<u32>,
}

/// A point in the conversation at which an inbox can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureStage {
    /// In place of the greeting.
    Connect,
    /// EHLO or HELO.
    Ehlo,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// After the end of the message. The message is not kept.
    End,
}

/// The act of an inbox that fails on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureAct {
    /// Sends this reply: a code from 400 to 599, and text. After `421`, it closes the connection.
    Reply(String),
    /// Waits, and goes on as usual.
    Delay(Duration),
    /// Closes the connection without a reply.
    Drop,
}

/// The reason why a text is not a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFailure(String);

const STAGES: &[(&str, FailureStage)] = &[
    ("connect", FailureStage::Connect),
    ("ehlo", FailureStage::Ehlo),
    ("auth", FailureStage::Auth),
    ("mail", FailureStage::Mail),
    ("rcpt", FailureStage::Rcpt),
    ("data", FailureStage::Data),
    ("end", FailureStage::End),
];

/// The longest delay: clients wait for 10 minutes at most (RFC 5321 section 4.5.3.2.6).
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The longest text of a reply, so that the line fits into 512 octets (RFC 5321 section 4.5.3.1.5).
const LONGEST_REPLY: usize = 500;

impl Failures {
    /// Adds a failure. At each stage, the first one that is left happens.
    pub fn add(&self, failure: Failure) {
        self.with(|all| all.push(failure));
    }

    /// Returns the failures that are left.
    pub fn all(&self) -> Vec<Failure> {
        self.with(|all| all.clone())
    }

    /// Removes all failures.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// Returns what happens at a stage, and counts it.
    pub(crate) fn next(&self, stage: FailureStage) -> Option<FailureAct> {
        self.with(|all| {
            let at = all.iter().position(|one| one.stage == stage)?;
            let failure = &mut all[at];
            let act = failure.act.clone();
            failure.times = failure.times.map(|times| times.saturating_sub(1));
            if failure.times == Some(0) {
                all.remove(at);
            }
            Some(act)
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Vec<Failure>) -> T) -> T {
        // A panic under this lock leaves the list as it was.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FromStr for Failure {
    type Err = InvalidFailure;

    fn from_str(text: &str) -> Result<Self, InvalidFailure> {
        let invalid = |why: String| InvalidFailure(why);
        let (place, act) = text.split_once('=').ok_or_else(|| {
            invalid(format!("{text:?} has no =; write STAGE=ACT, such as rcpt=451"))
        })?;
        let (name, times) = match place.split_once('*') {
            Some((name, times)) => {
                let times = times.parse().ok().filter(|&times| times > 0).ok_or_else(|| {
                    invalid(format!("{times:?} is not a number of times; write rcpt*2=451"))
                })?;
                (name, Some(times))
            }
            None => (place, None),
        };
        let stage = STAGES.iter().find(|(known, _)| name.trim().eq_ignore_ascii_case(known));
        let (_, stage) = stage.ok_or_else(|| {
            let known: Vec<_> = STAGES.iter().map(|(name, _)| *name).collect();
            invalid(format!("{name:?} is not a stage; the stages are {}", known.join(", ")))
        })?;
        Ok(Self { stage: *stage, act: act.trim().parse()?, times })
    }
}

impl FromStr for FailureAct {
    type Err = InvalidFailure;

    fn from_str(text: &str) -> Result<Self, InvalidFailure> {
        if text.eq_ignore_ascii_case("drop") {
            return Ok(Self::Drop);
        }
        match text.split_once(':') {
            Some((word, time)) if word.eq_ignore_ascii_case("delay") => delay(time.trim()),
            _ => reply(text),
        }
    }
}

fn delay(text: &str) -> Result<FailureAct, InvalidFailure> {
    let invalid = || {
        InvalidFailure(format!(
            "{text:?} is not a delay up to 15 minutes; write delay:5s or delay:200ms"
        ))
    };
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, Duration::from_millis(1)),
        (None, Some(number)) => (number, Duration::from_secs(1)),
        (None, None) => return Err(invalid()),
    };
    let number: u32 = number.parse().map_err(|_| invalid())?;
    let delay = unit.saturating_mul(number);
    if delay > LONGEST { Err(invalid()) } else { Ok(FailureAct::Delay(delay)) }
}

fn reply(text: &str) -> Result<FailureAct, InvalidFailure> {
    let invalid = |why: &str| {
        InvalidFailure(format!(
            "{text:?} {why}; write a reply such as 451 4.7.1 come back later, drop, or delay:5s"
        ))
    };
    let (code, words) = text.split_once(' ').unwrap_or((text, ""));
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    if !is_code || !code.starts_with(['4', '5']) {
        return Err(invalid("does not begin with a code from 400 to 599"));
    }
    if words.len() > LONGEST_REPLY || words.chars().any(char::is_control) {
        return Err(invalid("is not one line of at most 500 bytes"));
    }
    Ok(FailureAct::Reply(match words.trim() {
        "" => format!("{code} {}.0.0 failed on purpose", &code[..1]),
        words => format!("{code} {words}"),
    }))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stage.as_str())?;
        if let Some(times) = self.times {
            write!(f, "*{times}")?;
        }
        match &self.act {
            FailureAct::Reply(reply) => write!(f, "={reply}"),
            FailureAct::Delay(time) if time.subsec_millis() == 0 => {
                write!(f, "=delay:{}s", time.as_secs())
            }
            FailureAct::Delay(time) => write!(f, "=delay:{}ms", time.as_millis()),
            FailureAct::Drop => f.write_str("=drop"),
        }
    }
}

impl FailureStage {
    /// Returns the name, as in the text of a failure.
    pub fn as_str(self) -> &'static str {
        let known = STAGES.iter().find(|(_, stage)| *stage == self);
        known.map_or("", |(name, _)| name)
    }
}

impl fmt::Display for InvalidFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_it_was_written() {
        for text in
            ["rcpt*2=550 5.1.1 no such user", "end*1=drop", "data=delay:5s", "connect=delay:1500ms"]
        {
            assert_eq!(text.parse::<Failure>().expect("a failure").to_string(), text);
        }
        let short: Failure = " RCPT = 451 ".trim().parse().expect("a failure");
        assert_eq!(short.to_string(), "rcpt=451 4.0.0 failed on purpose");
    }

    #[test]
    fn a_text_that_is_no_failure_says_why() {
        for (text, why) in [
            ("rcpt", "has no ="),
            (
                "rctp=451",
                "is not a stage; the stages are connect, ehlo, auth, mail, rcpt, data, end",
            ),
            ("rcpt*0=451", "is not a number of times"),
            ("rcpt=250 ok", "does not begin with a code from 400 to 599"),
            ("rcpt=45", "does not begin with a code from 400 to 599"),
            ("rcpt=451 a\r\n250 b", "is not one line"),
            ("rcpt=delay:5", "is not a delay"),
            ("rcpt=delay:3600s", "is not a delay up to 15 minutes"),
            ("rcpt=", "does not begin with a code"),
        ] {
            let error = text.parse::<Failure>().expect_err(text);
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn failures_are_counted_in_the_order_they_were_added() {
        let failures = Failures::default();
        failures.add("rcpt*1=451 one".parse().expect("a failure"));
        failures.add("rcpt*2=452 two".parse().expect("a failure"));
        failures.add("mail=drop".parse().expect("a failure"));
        let next = || failures.next(FailureStage::Rcpt);
        let replies: Vec<_> = std::iter::from_fn(next).collect();
        let expected =
            ["451 one", "452 two", "452 two"].map(|text| FailureAct::Reply(text.to_owned()));
        assert_eq!(replies, expected);
        assert_eq!(failures.next(FailureStage::Mail), Some(FailureAct::Drop));
        assert_eq!(failures.all().len(), 1, "without a number, it happens every time");
        failures.clear();
        assert_eq!(failures.next(FailureStage::Mail), None);
    }
}
