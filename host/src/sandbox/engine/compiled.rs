//! A cache of compiled components in a directory.
//!
//! wasmtime's cache is not used because it compresses its files. Each start would decompress them, and each build would
//! compile the C code of the compressor.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::compile_lock::{CompileLock, LOCK};
use crate::sandbox::digest::ComponentDigest;
use smtp_connector_smtp::private_files;

/// The extension of the cache's files. Other files in the directory are not touched.
const EXTENSION: &str = "cwasm";

/// The time after which an unused file is removed. It probably belongs to a version that is no longer installed.
const KEPT_UNUSED: Duration = Duration::from_hours(30 * 24);

/// The precision of the time of last use. Updating it on every start would slow down every start.
const NOTED: Duration = Duration::from_hours(24);

/// The most compiled components that a process keeps in memory because the directory cannot keep them. Each takes a few
/// megabytes. A platform with more components compiles the others again.
const MOST_UNKEPT: usize = 8;

/// An event of the cache of compiled components.
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheEvent {
    /// A component is being compiled, which takes a second or more.
    Compiling {
        /// Whether the directory keeps the compiled component for the next start.
        keep: bool,
    },
    /// The directory cannot be used.
    Unusable {
        /// The reason, in one sentence.
        reason: String,
        /// A hint on what to do.
        hint: String,
    },
}

/// The function that receives the events of the cache.
pub(in crate::sandbox) type CacheObserver = Arc<dyn Fn(&CacheEvent) + Send + Sync>;

/// A component as machine code, for every engine with the same settings.
pub(in crate::sandbox) enum Code {
    Bytes(Arc<Vec<u8>>),
    /// A file that is mapped into memory. All engines and processes that run it share its pages.
    File(PathBuf),
}

impl Code {
    /// Compiles a component.
    pub(in crate::sandbox) fn compile(engine: &Engine, component: &[u8]) -> wasmtime::Result<Self> {
        engine.precompile_component(component).map(|bytes| Self::Bytes(Arc::new(bytes)))
    }

    /// Loads the component on an engine.
    #[expect(unsafe_code, reason = "it loads machine code")]
    pub(in crate::sandbox) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the code was compiled here, or is in a file that `private_files::write` moved into place as a whole
        // and that is never written again. wasmtime refuses code of other versions and settings. On Unix,
        // `Directory::load` and `read` checked that no other user can write to the file. On other systems, the embedder
        // must make sure of that: see `HostBuilder::cache_directory`.
        unsafe {
            match self {
                Self::Bytes(bytes) => Component::deserialize(engine, bytes.as_slice()),
                Self::File(path) => Component::deserialize_file(engine, path),
            }
        }
    }
}

/// A directory of compiled components.
pub(in crate::sandbox) struct Directory {
    path: PathBuf,
    /// The reason why the directory could not be created.
    unmade: Option<ErrorKind>,
    observer: Option<CacheObserver>,
    /// Whether the observer knows that the directory is not used.
    told: Once,
}

/// The compiled components that no directory keeps, by the file that would hold each. Locked during a compilation, so
/// that a process compiles each component once.
static UNKEPT: Mutex<Vec<(PathBuf, Arc<Vec<u8>>)>> = Mutex::new(Vec::new());

impl Directory {
    /// Opens the directory at a path. If it does not exist, creates it with access for this user only.
    pub(in crate::sandbox) fn at(path: &Path, observer: Option<CacheObserver>) -> Self {
        let unmade = private_files::create_directory(path).err().map(|reason| reason.kind());
        Self { path: path.to_owned(), unmade, observer, told: Once::new() }
    }

    /// Loads a component from the cache, or compiles and caches it. Returns it together with its code. A directory that
    /// other users can write to is not used.
    pub(in crate::sandbox) fn load(
        &self,
        engine: &Engine,
        component: &[u8],
    ) -> wasmtime::Result<(Component, Code)> {
        let path = self.file(engine, component);
        if let Err(exposed) = private_files::check_directory(&self.path) {
            self.warn(exposed.to_string(), exposed.hint());
            return self.compile(&path, engine, component, false);
        }
        if let Some(kept) = read(engine, &path) {
            return Ok(kept);
        }
        let _lock = CompileLock::wait(&path);
        // Another process may have compiled it while this one waited for the lock.
        if let Some(kept) = read(engine, &path) {
            return Ok(kept);
        }
        let keep = self.can_be_written();
        self.compile(&path, engine, component, keep)
    }

    /// Reports whether a file can be created in the directory. This is checked before compiling, so that the event
    /// `Compiling` has the right value of `keep`.
    fn can_be_written(&self) -> bool {
        let Err(reason) = tempfile::tempfile_in(&self.path) else { return true };
        self.warn_unwritable(self.unmade.unwrap_or_else(|| reason.kind()));
        false
    }

    /// Compiles a component, once in a process. Writes it to the directory if `keep` is set.
    fn compile(
        &self,
        path: &Path,
        engine: &Engine,
        component: &[u8],
        keep: bool,
    ) -> wasmtime::Result<(Component, Code)> {
        let mut unkept = UNKEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = unkept.iter().find(|(known, _)| known == path) {
            let code = Code::Bytes(Arc::clone(bytes));
            return Ok((code.load(engine)?, code));
        }
        self.tell(&CacheEvent::Compiling { keep });
        let machine_code = engine.precompile_component(component)?;
        // The file appears as a whole, since two processes may start at the same time.
        match keep.then(|| private_files::write(path, &machine_code)) {
            None => {}
            Some(Ok(())) => {
                self.remove_unused();
                if let Some(kept) = read(engine, path) {
                    return Ok(kept);
                }
            }
            Some(Err(reason)) => self.warn_unwritable(reason.kind()),
        }
        let bytes = Arc::new(machine_code);
        if unkept.len() == MOST_UNKEPT {
            unkept.remove(0);
        }
        unkept.push((path.to_owned(), Arc::clone(&bytes)));
        let code = Code::Bytes(bytes);
        Ok((code.load(engine)?, code))
    }

    fn warn_unwritable(&self, reason: ErrorKind) {
        self.warn(
            format!("{} cannot be written to: {reason}", self.path.display()),
            "make it a folder that this user can write to".to_owned(),
        );
    }

    /// Warns once that compiled components are not kept.
    fn warn(&self, reason: String, hint: String) {
        self.told.call_once(|| {
            tracing::warn!(reason, hint, "the cache of compiled components is not used");
            self.tell(&CacheEvent::Unusable { reason, hint });
        });
    }

    fn tell(&self, event: &CacheEvent) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    /// Returns the file of a component. The name is unique to the component and the settings of the compiler.
    fn file(&self, engine: &Engine, component: &[u8]) -> PathBuf {
        let mut settings = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut settings);
        let name = format!("{:016x}-{}", settings.finish(), ComponentDigest::of(component));
        self.path.join(name).with_extension(EXTENSION)
    }

    /// Removes files that have not been used for a long time. A failure to remove one is harmless.
    fn remove_unused(&self) {
        for file in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = file.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION || extension == LOCK)
                && age(&path).is_some_and(|age| age > KEPT_UNUSED)
            {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Reads a compiled component. Returns `None` if it does not exist, is not for this engine, or may have been written by
/// another user.
fn read(engine: &Engine, path: &Path) -> Option<(Component, Code)> {
    private_files::check_trusted(path, &fs::metadata(path).ok()?).ok()?;
    let code = Code::File(path.to_owned());
    let component = code.load(engine).ok()?;
    if age(path).is_some_and(|age| age > NOTED) {
        let _ = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
    Some((component, code))
}

fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

#[cfg(test)]
mod tests;
