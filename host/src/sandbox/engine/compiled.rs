//! Compiled components, kept in a directory for the next start.
//!
//! wasmtime has a cache too; it compresses what it keeps, so every start takes it apart again, and the compressor is
//! C that every build compiles.

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

/// What a file is called that this wrote: nothing else in the directory is touched.
const EXTENSION: &str = "cwasm";

/// What nobody has used for so long is from a version that is no longer there.
const KEPT_UNUSED: Duration = Duration::from_hours(30 * 24);

/// How exactly it is known when a file was last used: to write it down on every start would cost every start.
const NOTED: Duration = Duration::from_hours(24);

/// How many compiled components a process holds that no directory keeps, at a few megabytes each. A platform with more
/// of them compiles the others again.
const MOST_UNKEPT: usize = 8;

/// What a directory of compiled components tells its user.
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheEvent {
    /// A component is compiled now, which takes a second or more, and is kept if `keep`.
    Compiling {
        /// Whether the directory keeps it for the next start.
        keep: bool,
    },
    /// The directory cannot be used: why, and what to do.
    Unusable {
        /// One sentence for a person.
        reason: String,
        /// What a person can do about it.
        hint: String,
    },
}

/// Who is told.
pub(in crate::sandbox) type CacheObserver = Arc<dyn Fn(&CacheEvent) + Send + Sync>;

/// A component as machine code, for every engine of the same settings.
pub(in crate::sandbox) enum Code {
    Bytes(Arc<Vec<u8>>),
    /// Mapped into memory: its pages are one for all engines and processes that run it.
    File(PathBuf),
}

impl Code {
    /// Compiles a component.
    pub(in crate::sandbox) fn compile(engine: &Engine, component: &[u8]) -> wasmtime::Result<Self> {
        engine.precompile_component(component).map(|bytes| Self::Bytes(Arc::new(bytes)))
    }

    /// The component on an engine.
    #[expect(unsafe_code, reason = "it is machine code")]
    pub(in crate::sandbox) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the code was compiled here, or is in a file that `private_files::write` put in its place whole, and that
        // is never written again; wasmtime refuses that of other versions and settings. On Unix, `Directory::load` and
        // `read` checked that no other user can write to it. Elsewhere the embedder sees to that: see
        // `HostBuilder::cache_directory`.
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
    /// Why it could not be made.
    unmade: Option<ErrorKind>,
    observer: Option<CacheObserver>,
    /// Told that it is not used.
    told: Once,
}

/// Compiled components that no directory keeps, by the file that would hold each. Locked while one is compiled, so that
/// a process compiles it once.
static UNKEPT: Mutex<Vec<(PathBuf, Arc<Vec<u8>>)>> = Mutex::new(Vec::new());

impl Directory {
    /// At a path, where it is made for this user alone if it is not there.
    pub(in crate::sandbox) fn at(path: &Path, observer: Option<CacheObserver>) -> Self {
        let unmade = private_files::create_directory(path).err().map(|reason| reason.kind());
        Self { path: path.to_owned(), unmade, observer, told: Once::new() }
    }

    /// A component on an engine, and its code: as it was kept, or else compiled now, and kept. A directory that other
    /// users can write to is not used.
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
        // Another process that had the turn before has kept it.
        if let Some(kept) = read(engine, &path) {
            return Ok(kept);
        }
        let keep = self.can_be_written();
        self.compile(&path, engine, component, keep)
    }

    /// Whether a file can be made in it: looked at first, so that nobody is told of a compilation that is kept, and is
    /// not.
    fn can_be_written(&self) -> bool {
        let Err(reason) = tempfile::tempfile_in(&self.path) else { return true };
        self.warn_unwritable(self.unmade.unwrap_or_else(|| reason.kind()));
        false
    }

    /// Compiles a component, once in a process, and keeps it where that is wanted and possible.
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
        // As a whole: two processes may start at the same time.
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

    /// Warns, once, that compiled components are not kept.
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

    /// One name for each component and each way to compile it.
    fn file(&self, engine: &Engine, component: &[u8]) -> PathBuf {
        let mut settings = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut settings);
        let name = format!("{:016x}-{}", settings.finish(), ComponentDigest::of(component));
        self.path.join(name).with_extension(EXTENSION)
    }

    /// Best effort: a file that stays is one more file.
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

/// None: it is not there, not for this engine, or others may have written it.
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
