//! The words and domains that a computed address or URL may consist of.
//!
//! A value is computed if its placeholder is more than the name of a keyword.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::keywords::Keywords;
use super::template::{Piece, pieces, quoted};
use super::texts::{Keys, texts};
use super::{Budget, OverBudget, check_number};
use smtp_connector_smtp::address::Domain;

/// The words and domains of a set of texts.
#[derive(Debug, Default)]
pub(super) struct Computed {
    words: HashSet<String>,
    domains: HashSet<Domain>,
}

/// A placeholder that is more than the name of a keyword.
pub(super) struct Computation<'k> {
    /// The text that contains the placeholder.
    pub(super) template: &'k str,
    /// The text between `{{` and `}}`.
    pub(super) expression: &'k str,
    pub(super) keywords: &'k Keywords<'k>,
}

/// The longest domain (RFC 1035 section 2.3.4).
const LONGEST_DOMAIN: usize = 253;
/// The longest word. A local part has at most 64 octets (RFC 5321 section 4.5.3.1.1).
const LONGEST_WORD: usize = 64;

impl Computed {
    /// Adds the words and domains of a text.
    fn add(&mut self, text: &str) -> Result<(), OverBudget> {
        for word in words(text).filter(|word| word.len() <= LONGEST_WORD) {
            self.words.insert(word.to_lowercase());
            check_number(self.words.len(), TOO_MANY)?;
        }
        for domain in domains(text) {
            self.domains.extend(domain.parse::<Domain>());
            check_number(self.domains.len(), TOO_MANY)?;
        }
        Ok(())
    }

    /// Adds the sources of a computed value: the text of the template, and the keywords in it.
    pub(super) fn add_sources(
        &mut self,
        computation: &Computation<'_>,
        budget: &mut Budget,
    ) -> Result<(), OverBudget> {
        let &Computation { template, expression, keywords } = computation;
        budget.take(template.len())?;
        let mut values: Vec<_> = keywords.sources(expression).collect();
        for piece in pieces(template) {
            match piece {
                Piece::Literal(text) => self.add(text)?,
                Piece::Expression(other) => {
                    values.extend(keywords.values(other).unwrap_or_default());
                }
            }
        }
        quoted(expression).try_for_each(|text| self.add(text))?;
        for value in values {
            budget.take(value.get().len())?;
            self.add_value(value)?;
        }
        Ok(())
    }

    fn add_value(&mut self, value: &RawValue) -> Result<(), OverBudget> {
        let mut outcome = Ok(());
        texts(value, Keys::All, &mut |text| {
            if outcome.is_ok() {
                outcome = self.add(text);
            }
        });
        outcome
    }

    /// Reports whether every word of `text` is one of these words.
    pub(super) fn has_words_of(&self, text: &str) -> bool {
        let mut own = words(text).peekable();
        own.peek().is_some() && own.all(|word| self.words.contains(&word.to_lowercase()))
    }

    /// Reports whether one of the texts contained this exact domain. A component cannot build a domain from words.
    pub(super) fn has_domain(&self, domain: &Domain) -> bool {
        self.domains.contains(domain)
    }
}

const TOO_MANY: &str = "the keywords of a computed recipient or attachment have too many words";

/// Returns the words of a text: its sequences of letters and digits.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Returns everything in a text that looks like a domain with at least two labels.
fn domains(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '.' | '_'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.contains('.') && word.len() <= LONGEST_DOMAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_combined_and_domains_may_not() {
        let mut computed = Computed::default();
        computed.add("Please call.me, Ann Lee (ann@Mail.Z.test).").expect("it is short");
        assert!(computed.has_words_of("ann.lee") && computed.has_words_of("LEE_Please"));
        assert!(!computed.has_words_of("eve") && !computed.has_words_of("."));
        let has = |domain: &str| computed.has_domain(&domain.parse().expect(domain));
        assert!(has("mail.z.test") && has("call.me"));
        for made in ["please.call", "z.test", "mail.z", "ann.lee", "test"] {
            assert!(!has(made), "{made}");
        }
    }
}
