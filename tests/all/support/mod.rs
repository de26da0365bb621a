//! Code shared by the tests.

mod authorization_server;
mod browser;
mod certificates;
mod command;
#[cfg(target_os = "linux")]
mod desktop;
mod envelope;
mod fault_server;
mod http_server;
mod log;
mod proxy_server;
mod scenario;
#[cfg(unix)]
mod screen;
mod test_env;
mod transcript_log;

use std::time::Duration;

pub(crate) use authorization_server::{AuthorizationServer, CLIENT, CLIENT_SECRET, Departure};
pub(crate) use browser::{allow, fetch};
pub(crate) use certificates::{
    Authority, ForgedKey, RSA_1024, VERSION_1, VERSION_1_KEY, der, server_showing, signing_key,
};
pub(crate) use command::{CommandLine, Ran};
#[cfg(target_os = "linux")]
pub(crate) use desktop::Desktop;
pub(crate) use envelope::{envelope, envelope_of};
pub(crate) use fault_server::{FaultServer, Seen};
pub(crate) use http_server::{HttpServer, Page};
pub(crate) use log::Log;
pub(crate) use proxy_server::{Manner, ProxyServer, Speaks};
pub(crate) use scenario::{Act, AtOnce, Offers, Scenario, Stage};
#[cfg(unix)]
pub(crate) use screen::{answer_on_terminal, run_on_terminal};
pub(crate) use test_env::{
    HOST_CACHE, TestEnv, USER_CACHE, connector_in, host_builder, public_host,
};
pub(crate) use transcript_log::TranscriptLog;

/// Waits until something holds, for 20 seconds at most: a test that waits for ever hides which one does.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it happens in time");
}

/// Writes a file that only its owner may read or change, under any umask.
pub(crate) fn write_private(path: &std::path::Path, bytes: impl AsRef<[u8]>) {
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).expect("a file can be written");
    std::io::Write::write_all(&mut file, bytes.as_ref()).expect("a file can be written");
}
