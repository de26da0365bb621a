//! Expands `~/` at the start of a path. A shell does this too, but not in a settings file, in quotes or after `=`.

use std::path::{Path, PathBuf};

/// Returns the path with the user's home in place of `~/`.
pub fn in_home(path: &Path) -> PathBuf {
    path.strip_prefix("~").ok().and_then(beneath_home).unwrap_or_else(|| path.to_owned())
}

fn beneath_home(rest: &Path) -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tilde_by_itself_is_the_home() {
        let home = std::env::home_dir().expect("this user has a home");
        for (path, expected) in [
            ("~/secrets/mail", home.join("secrets/mail")),
            ("~alice/mail", "~alice/mail".into()),
            ("mail/~/x", "mail/~/x".into()),
            ("/etc/mail", "/etc/mail".into()),
        ] {
            assert_eq!(in_home(Path::new(path)), expected);
        }
    }
}
