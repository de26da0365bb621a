//! The program's input: a platform, and requests.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Deserialize;

/// An account, and the uploads of its user.
#[derive(Clone, Deserialize)]
pub(crate) struct Platform {
    pub(crate) account: Account,
    #[serde(default)]
    pub(crate) uploads: HashMap<String, UploadFile>,
    /// The folder of the uploads' files.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) default_sender: Option<String>,
    pub(crate) default_reply_to: Option<String>,
    pub(crate) domain: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadFile {
    pub(crate) path: PathBuf,
    pub(crate) filename: Option<String>,
    pub(crate) media_type: Option<String>,
}

/// A call of the component.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    pub(crate) call: String,
    pub(crate) action: String,
    pub(crate) input: String,
    pub(crate) keywords: Option<String>,
    pub(crate) run: RunSettings,
}

/// A run's identity: the same for its retries.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RunSettings {
    pub(crate) id: String,
    pub(crate) started_at: u64,
    pub(crate) dry_run: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            call: "invoke".to_owned(),
            action: "send-mail".to_owned(),
            input: "{}".to_owned(),
            keywords: None,
            run: RunSettings::default(),
        }
    }
}
