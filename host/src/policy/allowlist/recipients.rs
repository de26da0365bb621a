//! The recipients that an input names.

use std::collections::{BTreeSet, HashSet};

use serde_json::value::RawValue;

use super::computed::Computed;
use super::keywords::{Keywords, UNKNOWN};
use super::template::whole_placeholder;
use super::texts::{Keys, texts, texts_within};
use super::{ADDRESS_KEYS, Budget, OverBudget, check_number, check_placeholders};
use crate::accounts::a_labels;

/// The recipients that an input names.
#[derive(Debug, Default)]
pub(crate) struct RecipientAllowlist {
    addresses: BTreeSet<(String, String)>,
    /// What recipients may be made of, where one is computed.
    computed: Option<Computed>,
}

impl RecipientAllowlist {
    /// Whether an address of an envelope is one of them.
    ///
    /// Domains are the same in any case, and as A-labels. Local parts are the same as they are written. Where a recipient
    /// is computed, by anything more than the name of a keyword, every word of its local part must be a word of the
    /// template or of the keywords that it uses, and its domain must stand there as it is.
    pub(crate) fn contains(&self, address: &str) -> bool {
        let Some((local, domain)) = address.rsplit_once('@') else { return false };
        let Some(domain) = a_labels(domain) else { return false };
        if self.addresses.contains(&(local.to_owned(), domain.clone())) {
            return true;
        }
        self.computed
            .as_ref()
            .is_some_and(|computed| computed.has_words_of(local) && computed.has_domain(&domain))
    }
}

/// Reads the texts of the recipient fields.
#[derive(Default)]
pub(super) struct Reader {
    found: RecipientAllowlist,
    /// Texts with placeholders, which wait for the keywords.
    templates: Vec<String>,
    is_over: Option<OverBudget>,
}

impl Reader {
    /// Adds the addresses of a text, wherever they stand in it.
    pub(super) fn read_text(&mut self, text: &str) {
        let between = |c: char| c.is_whitespace() || c.is_control() || "<>()[]\",;:\\".contains(c);
        if self.is_over.is_some() {
            return;
        }
        for word in text.split(between) {
            let Some((local, domain)) = word.rsplit_once('@') else { continue };
            if local.is_empty() || word.len() > LONGEST_ADDRESS || word.contains(UNKNOWN) {
                continue;
            }
            let Some(domain) = a_labels(domain) else { continue };
            self.found.addresses.insert((local.to_owned(), domain));
            let number = self.found.addresses.len();
            if let Err(over) = check_number(number, "it has too many addresses") {
                self.is_over = Some(over);
                return;
            }
        }
    }

    /// Keeps a text with placeholders until the keywords are there.
    pub(super) fn keep_template(&mut self, text: &str) {
        match check_placeholders(self.templates.len()) {
            Ok(()) => self.templates.push(text.to_owned()),
            Err(over) => self.is_over = Some(over),
        }
    }

    /// The texts that have waited.
    pub(super) fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(String::as_str)
    }

    /// Reads the texts that have waited, with what their placeholders stand for.
    pub(super) fn read_templates(
        &mut self,
        keywords: &Keywords<'_>,
        budget: &mut Budget,
    ) -> Result<(), OverBudget> {
        let mut known = HashSet::new();
        for template in &std::mem::take(&mut self.templates) {
            if let Some(expression) = whole_placeholder(template)
                && let Some(values) = keywords.values(expression)
            {
                if known.insert(expression.to_owned()) {
                    values.iter().for_each(|value| self.read_value(value));
                }
                continue;
            }
            let filled = keywords.fill(template, budget, |expression, budget| {
                let computed = self.found.computed.get_or_insert_default();
                computed.add_sources(template, expression, keywords, budget)
            })?;
            texts_within(&filled, Keys::Only(ADDRESS_KEYS), &mut |text| self.read_text(text));
        }
        Ok(())
    }

    /// Everything that was found.
    pub(super) fn finish(self) -> Result<RecipientAllowlist, OverBudget> {
        self.is_over.map_or(Ok(self.found), Err)
    }

    fn read_value(&mut self, value: &RawValue) {
        texts(value, Keys::Only(ADDRESS_KEYS), &mut |text| self.read_text(text));
    }
}

/// RFC 5321 section 4.5.3.1.3, without the brackets.
const LONGEST_ADDRESS: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::allowlist::Found;

    const KEYWORDS: &str = r#"{
        "customer": {"email": "cem@x.test", "first": "Ann", "last": "Lee", "boss": "boss@x.test"},
        "team": [{"email": "a@y.test", "manager": "m@y.test"}, "b@y.test"], "domain": "z.test", "nobody": null
    }"#;

    fn of(input: &str, keywords: Option<&str>) -> RecipientAllowlist {
        Found::read(input, keywords).expect("it is within the budget").recipients
    }

    fn named(input: &str) -> RecipientAllowlist {
        of(input, None)
    }

    #[track_caller]
    fn assert_named(found: &RecipientAllowlist, these: &[&str], not: &[&str]) {
        for address in these {
            assert!(found.contains(address), "{address} in {found:?}");
        }
        for address in not {
            assert!(!found.contains(address), "{address} in {found:?}");
        }
    }

    #[test]
    fn addresses_are_found_in_every_shape() {
        for input in [
            r#"{"to": "a@x.test, Bob <b@x.test>; \"C\" <c@x.test>"}"#,
            r#"{"to": ["a@x.test", ["b@x.test"]], "Bcc": {"email": "c@x.test", "name": "C"}}"#,
            r#"{"Receiver": {"emailAddress": {"address": "a@x.test"}}, "cc_email": ["b@x.test,c@x.test"]}"#,
            r#"{"to": "[\"a@x.test\", {\"email\": \"b\u0040x.test\"}]", "BCC": "G: c@x.test;"}"#,
            "\u{feff}{\"to\": \"a@x.test\\nb@x.test\\tc@x.test\"}",
        ] {
            assert_named(&named(input), &["a@x.test", "b@x.test", "c@x.test"], &["d@x.test"]);
        }
    }

    #[test]
    fn only_whole_addresses_of_recipient_fields_count() {
        let found = named(
            r#"{"to": {"email": "bob@x.test", "manager": "m@x.test"}, "from": "f@x.test",
                "body": "write to t@x.test", "attachments": [{"text": "u@x.test"}]}"#,
        );
        let not = [
            "m@x.test",
            "f@x.test",
            "t@x.test",
            "u@x.test",
            "ob@x.test",
            "bob@x.tes",
            "b@x.test",
            "bob@x.test.evil.test",
            "bob@evil.test",
            "Bob@x.test",
            "",
            "@",
            "bob",
        ];
        assert_named(&found, &["bob@x.test"], &not);
        assert_named(&named("not JSON"), &[], &["bob@x.test"]);
        assert_named(&named("[]"), &[], &["bob@x.test"]);
        assert_named(&named(&"[".repeat(100_000)), &[], &["bob@x.test"]);
    }

    #[test]
    fn a_domain_is_the_same_in_any_case_and_as_a_labels() {
        let found = named(r#"{"to": "bob@B\u00dccher.Example, jörg@X.test"}"#);
        assert_named(
            &found,
            &["bob@xn--bcher-kva.example", "bob@XN--bcher-kva.EXAMPLE", "jörg@x.test"],
            &["bob@bcher.example", "jorg@x.test"],
        );
    }

    #[test]
    fn a_keyword_is_followed_to_its_value_and_no_other() {
        let with = |to: &str| of(&serde_json::json!({ "to": to }).to_string(), Some(KEYWORDS));
        assert_named(&with("{{customer.email}}"), &["cem@x.test"], &["boss@x.test", "a@y.test"]);
        assert_named(&with("{{ team }}"), &["a@y.test", "b@y.test"], &["m@y.test", "cem@x.test"]);
        assert_named(
            &with("{{team[0].email}}, c@x.test"),
            &["a@y.test", "c@x.test"],
            &["b@y.test"],
        );
        let joined = with("{{customer.first}}.{{customer['last']}}@{{domain}}{{nobody}}");
        assert_named(&joined, &["Ann.Lee@z.test"], &["cem@x.test", "Ann@z.test"]);
        assert_named(&with("{{missing}}@x.test"), &[], &["evil@evil.test"]);
        // Without keywords, braces are ordinary text.
        let plain = named(r#"{"to": "{{a}}@x.test"}"#);
        assert_named(&plain, &["{{a}}@x.test"], &["cem@x.test"]);
    }

    #[test]
    fn a_keyword_may_be_called_anything() {
        let keywords = r#"{
            "E-Mail": "mail@x.test", "First Name": "Ann", "gr\u00f6\u00dfe": "xl@x.test", "user.mail": "flat@x.test",
            "\u5ba2\u6237": {"\u59d3 \u540d": "below@x.test", "boss": "boss@x.test"}, "1": "one@x.test",
            "data": {"user.mail": "u@x.test", "Work E-Mail": "w@x.test"}, "other": "other@x.test"
        }"#;
        for (to, address) in [
            ("{{E-Mail}}", "mail@x.test"),
            ("Ann <{{ größe }}>", "xl@x.test"),
            ("{{user.mail}}", "flat@x.test"),
            ("{{客户.姓 名}}", "below@x.test"),
            ("{{1}}", "one@x.test"),
            ("{{data.user.mail}}", "u@x.test"),
            ("{{data.Work E-Mail}}; ", "w@x.test"),
            ("{{ First Name | lower }}@x.test", "ann@x.test"),
        ] {
            let found = of(&serde_json::json!({ "to": to }).to_string(), Some(keywords));
            assert_named(&found, &[address], &["other@x.test", "boss@x.test"]);
        }
    }

    #[test]
    fn a_recipient_that_is_computed_is_made_of_known_words() {
        let with = |to: &str| of(&serde_json::json!({ "to": to }).to_string(), Some(KEYWORDS));
        assert_named(
            &with("{{customer.first | lower}}.{{customer.last | lower}}@{{domain}}"),
            &["ann.lee@z.test"],
            &["ann.lee@evil.test", "eve@z.test"],
        );
        assert_named(&with("{{ 'sales@' ~ domain }}"), &["sales@z.test"], &["eve@z.test"]);
        assert_named(
            &with("{{ customer.first | lower }}@x.test"),
            &["ann@x.test", "lee@x.test"],
            // Neither the words of another keyword nor a name in the template.
            &["customer@x.test", "m@x.test", "ann@customer.first", "ann@z.test"],
        );
    }

    #[test]
    fn a_computed_recipient_brings_in_no_domain_of_its_own() {
        let keywords =
            r#"{"note": "Please call me, or see the new site x.test.", "email": "a@x.test"}"#;
        let found = of(r#"{"to": "{{ email | lower }}, {{ note | upper }}"}"#, Some(keywords));
        let not = ["please@call.me", "a@call.me", "see@site.x", "a@new.site.x.test", "a@test"];
        assert_named(&found, &["a@x.test", "please@x.test"], &not);
    }
}
