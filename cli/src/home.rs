//! Where the command keeps what it keeps.

use std::path::{Path, PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};

use smtp_connector_host::accounts::in_home;
use smtp_connector_smtp::private_files;

/// The folders of one user.
pub(crate) struct Home {
    /// The file of accounts.
    pub(crate) accounts: PathBuf,
    /// Compiled components.
    pub(crate) cache: PathBuf,
    /// Mail that the inbox caught.
    pub(crate) inbox: PathBuf,
}

impl Home {
    /// One folder for accounts and mail, or else the platform's own. None: the user has no home.
    ///
    /// Compiled components do not depend on the accounts: they are in the platform's cache folder, once for each user.
    /// A user without such a folder, as a service may be, has them in `folder`.
    pub(crate) fn find(folder: Option<PathBuf>) -> Option<Self> {
        let strategy = choose_app_strategy(AppStrategyArgs {
            top_level_domain: String::new(),
            author: String::new(),
            app_name: "smtp-connector".to_owned(),
        });
        let cache = strategy.as_ref().ok().map(|strategy| strategy.in_cache_dir("components"));
        if let Some(folder) = folder.map(|folder| in_home(&folder)) {
            return Some(Self {
                accounts: folder.join("accounts.toml"),
                cache: cache
                    .filter(|cache| can_be_used(cache))
                    .unwrap_or_else(|| folder.join("cache")),
                inbox: folder.join("inbox"),
            });
        }
        let strategy = strategy.ok()?;
        Some(Self {
            accounts: strategy.in_config_dir("accounts.toml"),
            cache: cache?,
            inbox: strategy.in_data_dir("inbox"),
        })
    }
}

/// Whether a directory is there, or can be made, and nobody else can write to it.
fn can_be_used(directory: &Path) -> bool {
    private_files::create_directory(directory).is_ok()
        && private_files::check_directory(directory).is_ok()
}
