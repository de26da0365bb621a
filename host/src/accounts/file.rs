//! Accounts in a file, `accounts.toml`: one table each, `[accounts.work]`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::{Document, DocumentMut, Item, Table};

use super::account::Account;
use super::names::AccountName;
use super::secret::SecretSource;
use super::settings::{Mistake, read_account};
use super::table::table_of;
use super::{Accounts, BoxFuture};
use crate::error::{Error, Result};
use crate::private_files;

/// The accounts of a file. It is read when it is asked, so that a change is seen at once.
///
/// The file decides which servers get passwords, and which programs are run for them. On Unix, it and its folder must
/// belong to this user or to root, and other users must not be able to write to them. If it has a password in it, they
/// must not be able to read it either. Otherwise it is not used.
#[derive(Clone, Debug)]
pub struct AccountsFile {
    path: PathBuf,
}

/// The largest file that is read: thousands of accounts, and no more than a moment's work.
const MAX_BYTES: u64 = 4 << 20;

impl AccountsFile {
    /// The accounts in the file at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every account.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or has a mistake in it: the error says in which line and at which key.
    pub fn all(&self) -> Result<BTreeMap<AccountName, Arc<Account>>> {
        let text = self.read()?;
        let document = self.parse(&text)?;
        let mut accounts = BTreeMap::new();
        let directory = self.path.parent().unwrap_or(Path::new(""));
        for (name, item) in tables(&document).map_err(|mistake| self.explain(&text, &mistake))? {
            let table = item.as_table_like().ok_or_else(|| {
                let message = "an account is a table: [accounts.work]".to_owned();
                let key = format!("accounts.{name}");
                self.explain(&text, &Mistake { span: item.span(), key, message })
            })?;
            let account = read_account(name, table, item.span(), directory)
                .map_err(|mistake| self.explain(&text, &mistake))?;
            accounts.insert(account.name.clone(), Arc::new(account));
        }
        self.check_permissions(accounts.values())?;
        Ok(accounts)
    }

    /// One account.
    ///
    /// # Errors
    ///
    /// Those of [`all`](Self::all), and a name that no account has.
    pub fn get(&self, name: &str) -> Result<Arc<Account>> {
        let accounts = self.all()?;
        if let Some(account) = accounts.values().find(|account| account.name() == name) {
            return Ok(Arc::clone(account));
        }
        let names: Vec<_> = accounts.keys().map(AccountName::as_str).collect();
        let hint = match names.as_slice() {
            [] => format!(
                "add it: smtp-connector accounts add {name:?} --host ... (or --provider ...)"
            ),
            names => format!("the accounts are {}", names.join(", ")),
        };
        Err(Error::account(format!("there is no account {name:?}")).with_hint(hint))
    }

    /// Writes an account to the file, in the place of one of the same name; what else stands there stays.
    /// So do the tables of that account, `tls`, `timeouts`, `limits` and `policy`: people write those.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or written.
    pub fn put(&self, account: &Account) -> Result<()> {
        let mut document = self.editable()?;
        let accounts = document.entry("accounts").or_insert_with(implicit_table);
        let accounts = accounts.as_table_like_mut().ok_or_else(|| {
            Error::account(format!("{}: accounts is no table", self.path.display()))
        })?;
        let mut table = table_of(account);
        if let Some(before) = accounts.get_mut(account.name()).and_then(Item::as_table_like_mut) {
            for name in ["tls", "timeouts", "limits", "policy"] {
                table.extend(before.remove(name).map(|inner| (name, inner)));
            }
        }
        accounts.insert(account.name(), Item::Table(table));
        self.write(&document)
    }

    /// Takes an account out of the file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or written, and a name that no account has.
    pub fn remove(&self, name: &str) -> Result<()> {
        // For the error that names the others.
        self.get(name)?;
        let mut document = self.editable()?;
        if let Some(accounts) = document.get_mut("accounts").and_then(Item::as_table_like_mut) {
            accounts.remove(name);
        }
        self.write(&document)
    }

    fn read(&self) -> Result<String> {
        let failed = |reason: std::io::Error| {
            Error::account(format!("the accounts file {} cannot be read", self.path.display()))
                .with_hint("check that it is a file, in UTF-8, and that you may read it")
                .with_source(reason)
        };
        let mut file = match fs::File::open(&self.path) {
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => {
                return Ok(String::new());
            }
            opened => opened.map_err(failed)?,
        };
        let found = file.metadata().map_err(failed)?;
        private_files::check_trusted(&self.path, &found)?;
        private_files::check_holders(&self.path)?;
        if found.len() > MAX_BYTES {
            return Err(failed(std::io::Error::other("it is larger than 4 MiB")));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        Ok(text)
    }

    fn parse(&self, text: &str) -> Result<Document<String>> {
        Document::parse(text.to_owned()).map_err(|error| {
            let message = error.message().trim().replace('\n', ", ");
            self.explain(text, &Mistake { span: error.span(), key: String::new(), message })
        })
    }

    fn editable(&self) -> Result<DocumentMut> {
        let text = self.read()?;
        Ok(self.parse(&text)?.into_mut())
    }

    fn explain(&self, text: &str, mistake: &Mistake) -> Error {
        let line = mistake.span.as_ref().and_then(|span| text.get(..span.start));
        let place = line
            .map_or(String::new(), |before| format!(", line {}", before.matches('\n').count() + 1));
        let key = if mistake.key.is_empty() { String::new() } else { format!(" {}:", mistake.key) };
        Error::account(format!("{}{place}:{key} {}", self.path.display(), mistake.message))
            .with_hint("mend the file, or add the account anew: smtp-connector accounts add")
    }

    /// Refuses a file with a password in it that others may read.
    fn check_permissions<'a>(
        &self,
        accounts: impl Iterator<Item = &'a Arc<Account>>,
    ) -> Result<()> {
        let credentials = accounts.filter_map(|account| account.credentials());
        let mut secrets = credentials.flat_map(|one| one.proof.secrets());
        if secrets.any(|secret| matches!(secret, SecretSource::Text(_)))
            && let Ok(found) = fs::metadata(&self.path)
        {
            private_files::check_secret(&self.path, &found)?;
        }
        Ok(())
    }

    /// Writes the file as a whole, or leaves it as it was. It is for its owner alone.
    fn write(&self, document: &DocumentMut) -> Result<()> {
        let failed = |reason: std::io::Error| {
            Error::account(format!("the accounts file {} cannot be written", self.path.display()))
                .with_source(reason)
        };
        let directory = self.path.parent().unwrap_or(Path::new("."));
        private_files::create_directory(directory).map_err(failed)?;
        private_files::check_holders(&self.path)?;
        private_files::write(&self.path, document.to_string().as_bytes()).map_err(failed)
    }
}

impl Accounts for AccountsFile {
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>> {
        // A small local file: quicker read than handed to another thread.
        Box::pin(async move { self.get(name) })
    }
}

fn tables(document: &Document<String>) -> std::result::Result<Vec<(&str, &Item)>, Mistake> {
    let mistake = |span, key: &str, message: &str| {
        Err(Mistake { span, key: key.to_owned(), message: message.to_owned() })
    };
    for (key, item) in document.as_table() {
        if key != "accounts" {
            return mistake(
                item.span(),
                key,
                "there is no such key; an account is a table [accounts.NAME]",
            );
        }
    }
    match document.get("accounts") {
        None => Ok(Vec::new()),
        Some(item) => match item.as_table_like() {
            Some(table) => Ok(table.iter().collect()),
            None => mistake(item.span(), "accounts", "it is a table of accounts: [accounts.NAME]"),
        },
    }
}

fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Auth, Secret, Security};

    fn file(text: &str) -> (tempfile::TempDir, AccountsFile) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("accounts.toml");
        private_files::write(&path, text.as_bytes()).expect("the file is written");
        (directory, AccountsFile::new(path))
    }

    fn problem(text: &str) -> String {
        file(text).1.all().expect_err(text).to_string()
    }

    #[test]
    fn an_account_reads_back_as_it_was_put() {
        let (_directory, accounts) =
            file("# mine\n[accounts.other]\nhost = \"mail.example\" # old\n");
        let account = Account::builder("my work", "127.0.0.1")
            .port(2525)
            .security(Security::None)
            .credentials("user", Secret::new("s3cr3t \"quoted\""))
            .auth(Auth::Login)
            .sender("Alice <alice@example.com>")
            .reply_to("reply@example.com")
            .ehlo_name("client.example.com")
            .build()
            .expect("the account is right");
        accounts.put(&account).expect("it is written");
        let read = accounts.get("my work").expect("it is there");
        assert_eq!(table_of(&read).to_string(), table_of(&account).to_string());
        let text = fs::read_to_string(accounts.path()).expect("the file is there");
        assert!(
            text.starts_with("# mine\n[accounts.other]\nhost = \"mail.example\" # old\n"),
            "{text}"
        );
        let limits = "[accounts.\"my work\".limits] # ours\nrecipients = 7\n";
        private_files::write(accounts.path(), format!("{text}\n{limits}").as_bytes())
            .expect("written");
        accounts.put(&account).expect("it is written");
        assert_eq!(accounts.get("my work").expect("it is there").limits.recipients, 7);
        accounts.remove("my work").expect("it is taken out");
        assert_eq!(accounts.all().expect("the other is still right").len(), 1);
        assert!(accounts.remove("my work").is_err());
    }

    #[test]
    fn a_provider_fills_in_what_is_not_given() {
        let (_directory, accounts) = file(
            "[accounts.g]\nprovider = \"gmail\"\n[accounts.h]\nprovider = \"gmail\"\nport = 587\n",
        );
        let all = accounts.all().expect("the accounts are right");
        let shown: Vec<_> =
            all.values().map(|one| (one.host().to_string(), one.port(), one.security())).collect();
        assert_eq!(shown[0], ("smtp.gmail.com".into(), 465, Security::Tls));
        assert_eq!(shown[1].1, 587);
    }

    #[test]
    fn a_mistake_has_a_line_and_a_key() {
        for (text, line, words) in [
            ("[accounts.work]\nhost = \"a.example\"\nport = \"smtp\"\n", 3, "accounts.work.port"),
            ("[accounts.work]\nhost = \"a.example\"\nport = 70000\n", 3, "65535"),
            ("[accounts.work]\nhost = \"a.example\"\nsecurity = \"ssl3\"\n", 3, "starttls"),
            ("[accounts.work]\nhost = \"a.example\"\nehlo_name = \"x\"\n", 3, "ehloName"),
            ("[accounts.work]\nhost = \"a.example\"\nusername = \"x\"\n", 3, "password"),
            ("[accounts.work]\nprovider = \"nobody\"\n", 2, "providers"),
            ("\n[accounts.work]\nport = 25\n", 2, "host"),
            (
                "[accounts.work]\nhost = \"a.example\"\n[accounts.work.timeouts]\nconnect = -1\n",
                4,
                "connect",
            ),
            (
                "[accounts.work]\nhost = \"a.example\"\n[accounts.work.tls]\nversion = 1\n",
                4,
                "serverName",
            ),
            (
                "[accounts.work]\nhost = \"a.example\"\n[accounts.work.tls]\nminVersion = \"1.1\"\n",
                4,
                "1.2",
            ),
            (
                "[accounts.work]\nhost = \"a.example\"\n[accounts.work.tls]\npinSha256 = \"x\"\n",
                4,
                "SHA-256",
            ),
            (
                "[accounts.work]\nhost = \"a.example\"\n[accounts.work.oauth2]\nclientId = \"x\"\n",
                3,
                "refresh-token",
            ),
            (
                "[accounts.work]\nhost = \"a.example\"\nusername = \"u\"\n[accounts.work.oauth2]\ngrant = \"token\"\n",
                4,
                "accessToken",
            ),
            ("[work]\nhost = \"a.example\"\n", 1, "accounts.NAME"),
            ("[accounts.work\n", 1, ""),
        ] {
            let problem = problem(text);
            assert!(problem.contains(&format!("line {line}:")), "{problem}");
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn a_mistake_never_shows_a_value() {
        for text in [
            "[accounts.work]\nhost = \"a.example\"\nport = \"s3cr3t\"\n",
            "[accounts.work]\nhost = \"a.example\"\nusername = \"u\"\npassword = [\"s3cr3t\"]\n",
            "[accounts.work]\nhost = \"a.example\"\npassword = \"s3cr3t\n",
            "[accounts.work]\nhost = \"a.example\"\npassword = \"s3cr3t\" x\n",
        ] {
            let (_directory, accounts) = file(text);
            let error = accounts.all().expect_err(text);
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_password_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let login = "host = \"127.0.0.1\"\nusername = \"u\"\n";
        for (password, refused) in [("\"s3cr3t\"", true), ("{ env = \"X\" }", false)] {
            let (_directory, accounts) =
                file(&format!("[accounts.work]\n{login}password = {password}\n"));
            let open = fs::Permissions::from_mode(0o644);
            fs::set_permissions(accounts.path(), open).expect("the mode is set");
            assert_eq!(accounts.all().is_err(), refused, "{password}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_change_is_neither_read_nor_written() {
        use std::os::unix::fs::PermissionsExt as _;
        let (directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
        let account = accounts.get("work").expect("it is right");
        for (path, mode, mended) in [
            (accounts.path(), 0o666, 0o600),
            (accounts.path(), 0o660, 0o600),
            (directory.path(), 0o777, 0o700),
            (directory.path(), 0o770, 0o700),
        ] {
            let set = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
            set(mode).expect("the mode is set");
            for outcome in [
                accounts.all().map(|_| ()),
                accounts.put(&account),
                accounts.remove("work"),
                AccountsFile::new(directory.path().join("new.toml")).put(&account),
            ] {
                // The mode of one file does not concern another.
                let is_new = outcome.is_ok();
                assert!(!is_new || path == accounts.path(), "{mode:o}");
                if let Err(error) = outcome {
                    assert!(error.to_string().contains(&format!("mode {mode:o}")), "{error}");
                    let hint = format!("chmod go-w {}", path.display());
                    assert_eq!(error.hint(), Some(hint.as_str()));
                }
            }
            set(mended).expect("the mode is set");
            accounts.all().expect("it is mended");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_another_user_is_not_read() {
        // Only root can give a file away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (_directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
        std::os::unix::fs::chown(accounts.path(), Some(65_534), None).expect("it is given away");
        let error = accounts.all().expect_err("it is not ours");
        assert!(error.to_string().contains("uid 65534"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_name_of_a_temporary_file_is_not_followed() {
        use std::os::unix::fs::symlink;
        let (directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
        let account = accounts.get("work").expect("it is right");
        let victim = directory.path().join("victim");
        fs::write(&victim, "precious").expect("it can be written");
        let id = std::process::id();
        for name in [format!("accounts.toml.{id}"), "accounts.toml.tmp".to_owned()] {
            symlink(&victim, directory.path().join(name)).expect("a link can be made");
        }
        accounts.put(&account).expect("it is written");
        assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
    }

    #[test]
    fn an_unknown_account_names_the_others() {
        let (_directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
        let error = accounts.get("wrok").expect_err("there is none");
        assert!(error.hint().is_some_and(|hint| hint.contains("work")));
        let none = AccountsFile::new("no/such/file.toml");
        let error = none.get("work").expect_err("there is none");
        assert!(error.hint().is_some_and(|hint| hint.contains("accounts add")));
    }
}
