use keyring_core::api::CredentialStoreApi as _;
use keyring_core::mock;

use super::super::trouble::Action;
use super::*;
use crate::failure::{Failure, Retry};

fn mock_entry() -> Entry {
    let store = mock::Store::new().expect("it is in memory");
    store.build(KeyringEntry::SERVICE, "work", None).expect("it is in memory")
}

/// Returns the failure of a read after this error of the library.
fn failure(error: Error) -> Failure {
    let entry = mock_entry();
    let mock: &mock::Cred = entry.as_any().downcast_ref().expect("it is a mock");
    mock.set_error(error);
    let read = unlocking(&entry, || Ok(false), text_of);
    read.expect_err("the mock fails").failure(Action::Read, "password", "work")
}

#[test]
fn an_entry_is_looked_for_again_once_the_keyring_is_unlocked() {
    let entry = mock_entry();
    let unlock = || {
        entry.set_password("s3cr3t")?;
        Ok(true)
    };
    let read = unlocking(&entry, unlock, text_of).expect("it is there now");
    assert_eq!(*read, "s3cr3t");
    let locked = || panic!("an entry that is there is read at once");
    assert_eq!(*unlocking(&entry, locked, text_of).expect("it is there"), "s3cr3t");
    let refused = || Err(Trouble::Locked);
    let missing = mock_entry();
    assert!(matches!(unlocking(&missing, refused, text_of), Err(Trouble::Locked)));
    assert!(matches!(unlocking(&missing, || Ok(true), text_of), Err(Trouble::Missing)));
}

#[test]
fn each_error_of_a_keyring_is_a_sentence_with_what_to_do() {
    let cause = || Box::new(std::io::Error::other("the keyring's own words"));
    for (error, words, hint) in [
        (Error::NoEntry, "the password's keyring entry work does not exist", "store it: "),
        (
            Error::Ambiguous(vec![mock_entry(), mock_entry()]),
            "2 entries of this service and user",
            "remove them",
        ),
        (Error::BadEncoding(b"s3cr3t\xff".to_vec()), "not text in UTF-8", "store the secret again"),
        (
            Error::BadDataFormat(b"s3cr3t\xff".to_vec(), cause()),
            "not text in UTF-8",
            "store the secret again",
        ),
        (Error::TooLong("password".into(), 2560), "at most 2560 characters", "elsewhere"),
        (Error::PlatformFailure(cause()), "reports an error", "another source for the password"),
    ] {
        let failure = failure(error);
        let shown = format!("{failure} {failure:?}");
        assert!(failure.message.contains(words), "{shown}");
        assert!(failure.hint.as_deref().is_some_and(|text| text.contains(hint)), "{shown}");
        // Neither the text nor the numbers of its bytes: the library's own error would show them.
        assert!(!shown.contains("s3cr3t") && !shown.contains("115"), "{shown}");
        assert_eq!(failure.retry, Retry::AfterConfigChange, "{shown}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_keyring_that_stays_locked_can_be_tried_again() {
    for error in [secret_service::Error::Locked, secret_service::Error::Prompt] {
        let failure = failure(Error::NoStorageAccess(Box::new(error)));
        assert!(failure.message.ends_with("the keyring is locked"), "{failure:?}");
        assert_eq!(failure.retry, Retry::Later);
    }
}
