//! A power cut loses no mail that was accepted. Kills prove nothing about this: the kernel keeps what a dead process
//! wrote.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use smtp_connector_outbox::{Outbox, RunId};

use super::disk::Disk;
use super::processes::{Accepted, Process, pause};
use super::writers_mail;

/// Returns the number of power cuts: few by default, and as many as `POWER_LOSS_ROUNDS` says.
fn rounds() -> usize {
    std::env::var("POWER_LOSS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures of a long run are its result")]
async fn a_power_cut_loses_no_accepted_mail() {
    let (mut accepted, mut lost) = (0, Vec::new());
    for round in 0..rounds() {
        let disk = Disk::new();
        let path = disk.folder().join("mail/outbox.db");
        let mut writer =
            Process::writer(&path, &round.to_string(), ["0", "8"], |command| disk.mount(command));
        // Time to make the database, and to check the log into it now and then.
        std::thread::sleep(Duration::from_millis(200));
        (0..round % 8).for_each(|_| pause());
        writer.kill();
        let mails = writer.end();
        let after = disk.cut();
        accepted += mails.len();
        lost.extend(check(&after.path().join("mail/outbox.db"), mails).await);
    }
    println!("{} power cuts: {accepted} accepted, {} lost", rounds(), lost.len());
    assert!(accepted > 10 * rounds(), "the writer got somewhere: {accepted}");
    assert!(lost.is_empty(), "lost: {lost:?}");
}

/// Checks an outbox after a power cut. Returns the mails that were accepted and are not there as they were.
async fn check(path: &Path, mails: Accepted) -> Vec<String> {
    let connection = Connection::open(path).expect("the database opens");
    let checked = connection.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0));
    assert_eq!(checked.expect("it is checked"), "ok");
    drop(connection);
    let outbox = Outbox::open(path).await.expect("the outbox opens");
    let mut lost = Vec::new();
    for (id, subject) in mails {
        match outbox.input(&RunId::from(id)).await {
            Ok(Some((input, _))) if input == writers_mail::input(&subject) => {}
            _ => lost.push(subject),
        }
    }
    lost
}
