//! The folders in which the command keeps its files.

use std::path::{Path, PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};

use smtp_connector_host::accounts::in_home;
use smtp_connector_smtp::private_files;

/// The folders of one user.
pub(crate) struct Home {
    /// The accounts file.
    pub(crate) accounts: PathBuf,
    /// Compiled components.
    pub(crate) cache: PathBuf,
    /// Messages that the inbox caught.
    pub(crate) inbox: PathBuf,
    /// The outbox.
    pub(crate) outbox: PathBuf,
    /// The times at which accounts were used.
    pub(crate) uses: PathBuf,
}

impl Home {
    /// Finds the folders: `folder` for accounts and mail, or the platform's folders. Returns `None` if the user has no
    /// home folder.
    ///
    /// Compiled components do not depend on the accounts, so they are in the platform's cache folder, once for each
    /// user. If that folder cannot be used, which is common for services, they are in `folder`.
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
                outbox: folder.join("outbox.db"),
                uses: folder.join("uses"),
            });
        }
        let strategy = strategy.ok()?;
        Some(Self {
            accounts: strategy.in_config_dir("accounts.toml"),
            cache: cache?,
            inbox: strategy.in_data_dir("inbox"),
            outbox: strategy.in_data_dir("outbox.db"),
            // Only XDG has a folder for state.
            uses: strategy.in_state_dir("uses").unwrap_or_else(|| strategy.in_data_dir("uses")),
        })
    }
}

/// Reports whether a directory exists or can be created, and other users cannot write to it.
fn can_be_used(directory: &Path) -> bool {
    private_files::create_directory(directory).is_ok()
        && private_files::check_directory(directory).is_ok()
}
