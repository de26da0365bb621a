//! The recipients that an input names.

use std::collections::HashSet;

use smtp_connector_smtp::ForwardPath;

use super::computed::{Computation, Computed};
use super::field_reader::ReadTexts;
use super::keywords::UNKNOWN;
use super::texts::Keys;
use super::{Budget, InputRule, OverBudget, check_number};

/// The recipients that an input names.
#[derive(Debug, Default)]
pub(crate) struct RecipientAllowlist {
    addresses: HashSet<ForwardPath>,
    /// The words and domains of computed recipients, if there are any.
    computed: Option<Computed>,
}

impl RecipientAllowlist {
    /// Reports whether the input names an address of an envelope.
    ///
    /// Domains match regardless of case, and as A-labels. Local parts must match exactly.
    ///
    /// A recipient is computed if its placeholder is more than the name of a keyword. Then every word of its local part
    /// must be a word of the template or of its keywords, and its domain must stand there unchanged.
    pub(crate) fn contains(&self, path: &ForwardPath) -> bool {
        self.addresses.contains(path)
            || self.computed.as_ref().is_some_and(|computed| {
                computed.has_words_of(path.local_part()) && computed.has_domain(path.domain())
            })
    }
}

/// Reads the texts of the recipient fields.
#[derive(Default)]
pub(super) struct Reader {
    found: RecipientAllowlist,
}

impl ReadTexts for Reader {
    type Found = RecipientAllowlist;
    const KEYS: Keys = Keys::Only(InputRule::ADDRESS_KEYS);

    /// Adds all addresses in a text.
    fn read_text(&mut self, text: &str) -> Result<(), OverBudget> {
        let between = |c: char| c.is_whitespace() || c.is_control() || "<>()[]\",;:\\".contains(c);
        for word in text.split(between).filter(|word| !word.contains(UNKNOWN)) {
            let Ok(path) = word.parse::<ForwardPath>() else { continue };
            self.found.addresses.insert(path);
            check_number(self.found.addresses.len(), "it has too many addresses")?;
        }
        Ok(())
    }

    fn note_computed(
        &mut self,
        computation: &Computation<'_>,
        budget: &mut Budget,
    ) -> Result<(), OverBudget> {
        self.found.computed.get_or_insert_default().add_sources(computation, budget)
    }

    fn finish(self) -> RecipientAllowlist {
        self.found
    }
}

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
            let path = address.parse().expect(address);
            assert!(found.contains(&path), "{address} in {found:?}");
        }
        for address in not {
            let path = address.parse().expect(address);
            assert!(!found.contains(&path), "{address} in {found:?}");
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
    fn a_keyword_is_followed_only_to_its_value() {
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
    fn a_computed_recipient_cannot_bring_in_a_new_domain() {
        let keywords =
            r#"{"note": "Please call me, or see the new site x.test.", "email": "a@x.test"}"#;
        let found = of(r#"{"to": "{{ email | lower }}, {{ note | upper }}"}"#, Some(keywords));
        let not = ["please@call.me", "a@call.me", "see@site.x", "a@new.site.x.test", "a@test"];
        assert_named(&found, &["a@x.test", "please@x.test"], &not);
    }
}
