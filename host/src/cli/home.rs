//! Where the command keeps what it keeps.

use std::path::PathBuf;

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};

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
    /// One folder for everything, or else the platform's own. None: the user has no home.
    pub(crate) fn find(folder: Option<PathBuf>) -> Option<Self> {
        if let Some(folder) = folder {
            return Some(Self {
                accounts: folder.join("accounts.toml"),
                cache: folder.join("cache"),
                inbox: folder.join("inbox"),
            });
        }
        let strategy = choose_app_strategy(AppStrategyArgs {
            top_level_domain: String::new(),
            author: String::new(),
            app_name: "smtp-connector".to_owned(),
        });
        let strategy = strategy.ok()?;
        Some(Self {
            accounts: strategy.in_config_dir("accounts.toml"),
            cache: strategy.in_cache_dir("components"),
            inbox: strategy.in_data_dir("inbox"),
        })
    }
}
