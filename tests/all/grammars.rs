//! Values that component and host each parse, and must parse alike.

use proptest::prelude::*;
use smtp_connector_guest::input::fields::Field;
use smtp_connector_guest::input::fields::mailboxes::ADDRESS_KEYS;
use smtp_connector_guest::input::values::address::Address;
use smtp_connector_host::ForwardPath;
use smtp_connector_host::policy::InputRule;

fn sorted(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().map(Into::into).collect();
    names.sort();
    names
}

fn names(fields: &[Field]) -> Vec<String> {
    sorted(fields.iter().flat_map(|field| field.names()))
}

#[test]
fn the_host_reads_every_field_name_that_the_component_accepts() {
    assert_eq!(
        sorted(InputRule::RECIPIENT_FIELDS.iter().copied()),
        names(&[Field::To, Field::Cc, Field::Bcc])
    );
    assert_eq!(sorted(InputRule::ATTACHMENT_FIELDS.iter().copied()), names(&[Field::Attachments]));
    assert_eq!(
        sorted(InputRule::ADDRESS_KEYS.iter().copied()),
        sorted(ADDRESS_KEYS.iter().copied())
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_address_that_the_component_accepts_is_a_valid_path_for_the_host(
        text in "[a-zü0-9!#%{}.-]{1,70}@[a-zB0-9ü.-]{1,12}\\.(test|xn--p1ai|(0x)?[0-9a-f]{1,4})",
    ) {
        if let Ok(address) = Address::parse(&text) {
            let path = address.as_str().parse::<ForwardPath>();
            prop_assert_eq!(path.map(String::from), Ok(address.to_string()));
        }
    }
}
