//! The table of causes, one file for each subject.
//!
//! Every sample is a real server's reply.

mod access;
mod content;
mod general;
mod limits;
mod login;
mod machine;
mod offers;
mod recipient;
mod relay;
mod sender;

pub(crate) use machine::WAITED;

use crate::replies::cause::{Cause, ROW};

/// Returns every cause, the most specific first.
///
/// ```
/// use smtp_connector_smtp::replies::causes;
///
/// let daily = causes().find(|cause| cause.name == "daily-limit").expect("a row");
/// assert!(daily.enhanced.contains(&"5.4.5"));
/// ```
pub fn causes() -> impl Iterator<Item = &'static Cause> {
    TABLE.iter().copied().flatten()
}

const TABLE: &[&[Cause]] = &[
    offers::CAUSES,
    access::ENCRYPTION,
    limits::CAUSES,
    login::CAUSES,
    machine::CAUSES,
    sender::CAUSES,
    relay::CAUSES,
    recipient::CHOSEN_SENDERS,
    access::LOGIN,
    sender::GENERAL,
    content::SIZE,
    recipient::CAUSES,
    content::CAUSES,
    general::CAUSES,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::failure::Phase;
    use crate::replies::{Event, Facts, Given, find};
    use crate::reply::{Reply, ReplyCode};
    use crate::settings::Provider;

    fn reply(said: &str) -> Reply {
        let (codes, texts): (Vec<_>, Vec<_>) =
            said.lines().map(|line| (&line[..3], &line[4..])).unzip();
        let first = texts[0].split(' ').next().expect("a text has a first part");
        let is_enhanced = first.starts_with(&format!("{}.", &codes[0][..1]));
        let strip = |text: &&str| match is_enhanced {
            true => text.strip_prefix(first).unwrap_or(text).trim().to_owned(),
            false => (*text).to_owned(),
        };
        let code = codes[0].parse().ok().and_then(ReplyCode::new);
        let text = texts.iter().map(strip).collect::<Vec<_>>().join("\n");
        let enhanced = is_enhanced.then(|| first.parse().expect("an enhanced status code"));
        Reply::new(code.expect("a sample begins with its code"), text).enhanced(enhanced)
    }

    /// Returns the facts of an account for which a row's sample is tried.
    fn facts(cause: &Cause, phase: Phase) -> Facts {
        let mut given = cause.given.to_vec();
        let no_login = given.contains(&Given::NoLogin);
        if phase == Phase::Auth && !no_login {
            given.push(Given::Login);
        }
        for (fact, other) in [(Given::Cleartext, Given::Encrypted), (Given::NoLogin, Given::Login)]
        {
            if !given.contains(&other) {
                given.push(fact);
            }
        }
        if !given.contains(&Given::ChosenAuth) {
            given.push(Given::AutoAuth);
        }
        let any = given.contains(&Given::Provider).then_some(&"any");
        let provider = cause.providers.first().or(any).map(|id| Provider {
            id,
            title: "A provider",
            hint: "log in as it wants",
        });
        if provider.is_some() {
            given.push(Given::Provider);
        }
        Facts { provider, host: "mail.test".to_owned(), port: 25, given }
    }

    #[test]
    fn every_row_is_reached_by_its_own_samples() {
        let mut missed = Vec::new();
        for cause in causes() {
            assert!(!cause.samples.is_empty(), "{} has no sample", cause.name);
            for (phase, said) in cause.samples {
                let reply = reply(said);
                let event = cause.lack.map_or(Event::Reply(&reply), Event::Lacks);
                let found = find(*phase, event, &facts(cause, *phase));
                let found = found.map_or("no row", |cause| cause.name);
                if found != cause.name {
                    missed.push(format!("{}: {found} has {phase} {said:?}", cause.name));
                }
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    }

    #[test]
    fn every_row_has_a_unique_name_and_hint() {
        let (mut names, mut hints) = (HashSet::new(), HashSet::new());
        for cause in causes() {
            assert!(names.insert(cause.name), "{} is there twice", cause.name);
            assert!(hints.insert(cause.hint), "{} has another's hint", cause.name);
            assert!(!cause.hint.ends_with('.') && cause.hint.len() > 12, "{}", cause.name);
            for words in cause.words {
                assert_eq!(words.to_lowercase(), *words, "{}", cause.name);
            }
        }
    }
}
