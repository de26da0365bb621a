//! Fuzzes a complete input with keywords: JSON or not, separated by a NUL.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_connector_fuzz::platform::FakePlatform;
use smtp_connector_fuzz::rules;
use smtp_connector_guest::send_mail::{Unsent, send_mail};

fuzz_target!(|text: &str| {
    let (input, keywords) = match text.split_once('\0') {
        Some((input, keywords)) => (input, Some(keywords)),
        None => (text, None),
    };
    let platform = FakePlatform::default();
    match send_mail(&platform, input, keywords) {
        Ok(result) => {
            serde_json::from_str::<serde_json::Value>(&result).expect("a result is JSON");
            if let Some(sent) = platform.sent() {
                rules::check(&sent);
            }
        }
        Err(Unsent::Invalid(issues)) => {
            assert!(!issues.is_empty(), "refused, and nothing is wrong");
            assert!(issues.iter().all(|issue| !issue.path.is_empty() && !issue.message.is_empty()));
        }
        Err(Unsent::Failed(_)) => {}
    }
});
