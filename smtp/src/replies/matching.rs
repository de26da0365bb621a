//! The search for the matching row of the table.

use super::cause::{Cause, Given, Lack};
use super::causes::causes;
use crate::failure::Phase;
use crate::reply::Reply;
use crate::settings::Provider;

/// An event to find the cause of.
#[derive(Clone, Copy)]
pub(crate) enum Event<'r> {
    /// The server replied.
    Reply(&'r Reply),
    /// The server does not offer a feature.
    Lacks(Lack),
}

/// Facts about an account and its connection.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) provider: Option<Provider>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) given: Vec<Given>,
}

/// Returns the first row that matches.
pub(crate) fn find(phase: Phase, event: Event<'_>, facts: &Facts) -> Option<&'static Cause> {
    // Computed once for all rows, and on one line: a phrase may continue on the next line.
    let text = match event {
        Event::Reply(reply) => reply.text.replace('\n', " ").to_lowercase(),
        Event::Lacks(_) => String::new(),
    };
    causes().find(|cause| cause.fits(phase, event, &text, facts))
}

impl Cause {
    fn fits(&self, phase: Phase, event: Event<'_>, text: &str, facts: &Facts) -> bool {
        let in_phase = self.phases.is_empty() || self.phases.contains(&phase);
        in_phase
            && self.given.iter().all(|fact| facts.given.contains(fact))
            && self.is_of(facts.provider)
            && match event {
                Event::Lacks(lack) => self.lack == Some(lack),
                Event::Reply(reply) => self.lack.is_none() && self.is_shown_by(reply, text),
            }
    }

    fn is_of(&self, provider: Option<Provider>) -> bool {
        let is = |id: &&str, provider: Provider| match id.ends_with('-') {
            true => provider.id.starts_with(*id),
            false => provider.id == *id,
        };
        self.providers.is_empty()
            || provider.is_some_and(|provider| self.providers.iter().any(|id| is(id, provider)))
    }

    fn is_shown_by(&self, reply: &Reply, text: &str) -> bool {
        let is_of = |code: &u16| reply.code == *code || reply.code.class() == *code;
        if !self.codes.is_empty() && !self.codes.iter().any(is_of) {
            return false;
        }
        if self.enhanced.is_empty() && self.words.is_empty() {
            return true;
        }
        let enhanced = reply.enhanced.map_or(String::new(), |code| code.to_string());
        // Some servers put the code on a later line, and qmail puts it at the end: `(#5.1.1)`.
        let is_said_later = |code: &str| {
            let at_start =
                |line: &str| line.strip_prefix(code).is_some_and(|text| text.starts_with(' '));
            reply.text.lines().any(at_start) || text.contains(&format!("(#{code})"))
        };
        let is_enhanced = |code: &&str| match code.ends_with('.') {
            true => enhanced.starts_with(*code),
            false => enhanced == *code || is_said_later(code),
        };
        self.enhanced.iter().any(is_enhanced) || self.words.iter().any(|words| text.contains(words))
    }

    /// Returns the hint with its placeholders filled.
    pub(crate) fn hint_for(&self, facts: &Facts) -> String {
        let provider = facts
            .provider
            .map_or(String::new(), |preset| format!("{}: {}", preset.title, preset.hint));
        self.hint
            .replace("{provider}", &provider)
            .replace("{host}", &facts.host)
            .replace("{port}", &facts.port.to_string())
    }
}
