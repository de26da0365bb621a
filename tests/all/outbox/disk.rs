//! A disk that forgets what was not synchronised, and that fails: `power_loss/disk.c`, in a process of a test.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::linux::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

/// A folder on such a disk.
pub(super) struct Disk {
    folder: tempfile::TempDir,
    durable: tempfile::TempDir,
}

impl Disk {
    pub(super) fn new() -> Self {
        let new = || tempfile::tempdir().expect("a temporary folder can be made");
        Self { folder: new(), durable: new() }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lets a process use the disk.
    pub(super) fn mount(&self, process: &mut Command) {
        process
            .env("LD_PRELOAD", library())
            .env("DISK_FOLDER", fs::canonicalize(self.folder()).expect("it is there"))
            .env("DISK_DURABLE", self.durable.path());
    }

    /// Cuts the power: returns a folder with what the disk has afterwards. No process may use the disk any longer.
    pub(super) fn cut(self) -> tempfile::TempDir {
        let after = tempfile::tempdir().expect("a temporary folder can be made");
        self.restore(&key(self.folder()), after.path()).expect("the records are whole");
        after
    }

    /// Fills a folder with the names that were durable in it.
    fn restore(&self, key: &str, to: &Path) -> io::Result<()> {
        for line in self.record("dir", key, fs::read_to_string)?.unwrap_or_default().lines() {
            let mut words = line.splitn(3, ' ');
            let [Some(kind), Some(key), Some(name)] = [(); 3].map(|()| words.next()) else {
                panic!("not an entry: {line:?}");
            };
            let to = to.join(name);
            if kind == "d" {
                fs::create_dir(&to)?;
                self.restore(key, &to)?;
            } else if self.record("file", key, |from| fs::copy(from, &to))?.is_none() {
                // The name is durable, and none of the bytes.
                File::create(&to)?;
            }
        }
        Ok(())
    }

    /// Reads a record, if there is one.
    fn record<T>(
        &self,
        kind: &str,
        key: &str,
        read: impl FnOnce(PathBuf) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        match read(self.durable.path().join(format!("{kind}-{key}"))) {
            Ok(read) => Ok(Some(read)),
            Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(reason),
        }
    }
}

/// Returns the inode of a file and its time of birth, as the library names its record.
fn key(path: &Path) -> String {
    let data = fs::metadata(path).expect("it is there");
    let made = data.created().expect("the file system knows when files were made");
    let made = made.duration_since(UNIX_EPOCH).expect("it is after 1970");
    format!("{}-{}-{}", data.st_ino(), made.as_secs(), made.subsec_nanos())
}

/// Returns the library, compiled once.
pub(super) fn library() -> &'static Path {
    static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
        // Processes that run tests at the same time each have their own.
        let name = format!("outbox-disk-{}.so", std::process::id());
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/power_loss/disk.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&library, Path::new(source)])
            .args(["-pthread", "-ldl"])
            .status();
        assert!(compiled.expect("there is a C compiler: SQLite needs it too").success());
        library
    });
    &LIBRARY
}
