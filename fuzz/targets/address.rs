//! Fuzzes the parser for addresses as people type them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_connector_guest::input::values::address::{Address, Mailbox};
use smtp_connector_guest::input::values::address_list::{parse_list, parse_one};

fuzz_target!(|text: &str| {
    let list: Vec<_> = parse_list(text).filter_map(|one| one.mailbox.ok()).collect();
    for mailbox in &list {
        check(mailbox);
    }
    if let Ok(mailbox) = parse_one(text) {
        check(&mailbox);
        assert_eq!(list, [mailbox], "one address, and another in a list");
    }
    if let Ok(address) = Address::parse(text) {
        assert_eq!(list.first().map(|mailbox| &mailbox.address), Some(&address));
    }
});

/// Checks that a parsed mailbox parses to the same value again, and contains no character that could end it.
fn check(mailbox: &Mailbox) {
    let text = mailbox.address.to_string();
    assert_eq!(Address::parse(&text).as_ref(), Ok(&mailbox.address));
    assert!(!text.contains(|c: char| c.is_control() || " <>,;:()[]\"\\".contains(c)), "{text:?}");
    let (local, domain) = text.rsplit_once('@').expect("an address has an @");
    assert!(local.len() <= 64 && domain.len() <= 253 && domain.is_ascii(), "{text:?}");
    if let Some(name) = &mailbox.name {
        assert!(!name.as_str().contains(char::is_control), "{name:?}");
    }
}
