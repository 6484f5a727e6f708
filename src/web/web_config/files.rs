//! The files of one reading: which there were, so that they can be watched, and whether one has changed since.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::read_bytes;

/// What the web configuration consists of on the disk.
pub(super) struct Files<'a> {
    /// The folder that paths in the file are relative to: that of the file.
    folder: &'a Path,
    /// Every file that was named, readable or not.
    named: Vec<PathBuf>,
}

impl<'a> Files<'a> {
    pub(super) fn beside(file: &'a Path) -> Files<'a> {
        Files { folder: file.parent().unwrap_or(Path::new(".")), named: vec![file.to_owned()] }
    }

    /// The bytes of a file, or why there are none and what to do.
    pub(super) fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let path = self.folder.join(path);
        let bytes = read_bytes(&path);
        self.named.push(path);
        bytes.map_err(|why| format!("the file can't be read: {why}"))
    }

    pub(super) fn named(self) -> Vec<PathBuf> {
        self.named
    }
}

/// What tells one state of some files from another, without reading them. A file that is not there is a state too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Footprint(Vec<Option<[i64; 5]>>);

impl Footprint {
    /// The state of these files now. Links are followed, so that a Kubernetes Secret that is exchanged by one is seen.
    pub(in crate::web) fn of(files: &[PathBuf]) -> Footprint {
        let of_one = |file: &PathBuf| {
            let data = fs::metadata(file).ok()?;
            let [inode, size] = [data.ino(), data.size()].map(u64::cast_signed);
            // The time of the last change of the inode can't be set by hand, as cp -p and tar do with that of the content.
            Some([inode, size, data.mtime(), data.ctime(), data.ctime_nsec()])
        };
        Footprint(files.iter().map(of_one).collect())
    }
}
