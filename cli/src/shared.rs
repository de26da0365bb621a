//! Options that every command has.

use std::path::PathBuf;

use clap::Args;
use smtp_connector_host::ComponentDigest;

/// Options that every command has.
#[derive(Args, Debug)]
pub(crate) struct Shared {
    /// Print one JSON document to standard output, and words for people to standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Use another component than the built-in one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,

    /// Use the --component only if it has this SHA-256, as `sha256sum FILE` prints it.
    #[arg(long, global = true, value_name = "HEX")]
    pub(crate) sha256: Option<ComponentDigest>,

    /// Keep accounts and state in this folder. Default: the platform's own folders.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "SMTP_CONNECTOR_HOME",
        hide_env_values = true
    )]
    pub(crate) home: Option<PathBuf>,

    /// Show the conversation with the server, credentials left out, and what caused an error.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// Say nothing unless something is wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}
