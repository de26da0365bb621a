//! The mount of a file: whether the file's mode can be changed, and whether the mode decides who can read it.

use std::path::Path;

/// The mount of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mount {
    /// Owner and mode can be changed.
    Writable,
    /// Owner and mode cannot be changed.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has checks"))]
    ReadOnly,
    /// The file was mounted into a container: it is on a read-only in-memory mount, or is itself the mount.
    ///
    /// Kubernetes (mode 0644) and Docker (mode 0444) pass secrets to containers in this way. The container keeps other
    /// users away from them.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has checks"))]
    Sealed,
}

impl Mount {
    /// Returns the mount of the file at `path`. If it cannot be determined, the stricter rule applies.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Self {
        use rustix::fs::{StatVfsMountFlags, statvfs};
        match statvfs(path) {
            Ok(found) if found.f_flag.contains(StatVfsMountFlags::RDONLY) => {
                if is_from_outside(path) { Self::Sealed } else { Self::ReadOnly }
            }
            _ => Self::Writable,
        }
    }
}

/// Reports whether a file on a read-only mount is in memory, or is itself the mount. A package manager's folder (such
/// as `/nix/store`) is read-only too, but every user of the machine can read it, and it is neither of the two.
#[cfg(target_os = "linux")]
fn is_from_outside(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statfs, statx};
    // From statfs(2).
    const TMPFS_MAGIC: u32 = 0x0102_1994;
    const RAMFS_MAGIC: u32 = 0x8584_58f6;
    // The type of the field differs between architectures; every magic number has 32 bits.
    let is_in_memory =
        statfs(path).is_ok_and(|found| matches!(found.f_type as u32, TMPFS_MAGIC | RAMFS_MAGIC));
    is_in_memory
        || statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
            .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn is_from_outside(_: &Path) -> bool {
    false
}
