//! A socket in the file system: made, with whom it lets in, and removed.
//!
//! It takes the place of one that a dead process left, never of one that lives, and never of a file that is no socket.

use std::fs::{Permissions, remove_file, set_permissions, symlink_metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::{UnixListener, UnixSocket};

/// Whoever may write to the file may connect (unix(7)): its owner, and a proxy that is in its group. The names of all
/// customers are on the pages, so nobody else.
const MODE: u32 = 0o660;

/// The file of a socket that listens. It is removed with the value.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and number, so that nobody else's is removed who has taken its place.
    identity: (u64, u64),
}

/// Why there can be no socket.
#[derive(Debug, Error)]
pub enum SocketFileError {
    /// Something else has this name.
    #[error("there is a file that is no socket")]
    NotASocket,
    /// A process listens there.
    #[error("another process listens there")]
    InUse,
    /// The system refused.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl SocketFile {
    /// Listens there. Must be called inside a tokio runtime.
    pub(super) fn listen(path: &Path, backlog: u32) -> Result<(Self, UnixListener), SocketFileError> {
        remove_left_over(path)?;
        let socket = UnixSocket::new_stream()?;
        socket.bind(path).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => SocketFileError::InUse, // somebody was faster
            _ => error.into(),
        })?;
        let metadata = symlink_metadata(path)?;
        let file = Self { path: path.to_owned(), identity: (metadata.dev(), metadata.ino()) };
        // Before it listens: up to here nobody can connect, whatever the umask is.
        set_permissions(path, Permissions::from_mode(MODE))?;
        Ok((file, socket.listen(backlog)?))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours =
            symlink_metadata(&self.path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if is_ours {
            // Where that fails it is left over, and the next start takes its place.
            let _ = remove_file(&self.path);
        }
    }
}

/// Removes the file of a process that is dead. A datagram socket finds out without a connection: only where no socket is
/// behind the file is it refused; a stream socket that lives is of the wrong type.
fn remove_left_over(path: &Path) -> Result<(), SocketFileError> {
    match symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketFileError::NotASocket),
        Ok(_) => {}
    }
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(remove_file(path)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error.into()),
        Ok(()) | Err(_) => Err(SocketFileError::InUse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(path: &Path) -> Result<(SocketFile, UnixListener), SocketFileError> {
        SocketFile::listen(path, 16)
    }

    #[tokio::test]
    async fn a_file_is_for_owner_and_group_and_goes_with_its_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        let (file, listener) = listen(&path).unwrap();
        assert_eq!(symlink_metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert!(matches!(listen(&path), Err(SocketFileError::InUse)));
        tokio::net::UnixStream::connect(&path).await.expect("the one that lives goes on");
        drop((file, listener));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_dead_process_left_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left over");
        let (file, listener) = listen(&path).unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        let (other, _listens) = listen(&path).unwrap();
        drop((file, listener));
        assert!(path.exists(), "that of another is left");
        drop(other);

        // Bound, and not listening yet.
        let bound = UnixSocket::new_stream().unwrap();
        bound.bind(&path).unwrap();
        assert!(matches!(listen(&path), Err(SocketFileError::InUse)));
        let words = folder.path().join("words");
        std::fs::write(&words, "kept").unwrap();
        assert!(matches!(listen(&words), Err(SocketFileError::NotASocket)));
        assert_eq!(std::fs::read_to_string(&words).unwrap(), "kept");
        std::os::unix::fs::symlink(&words, folder.path().join("link")).unwrap();
        assert!(matches!(listen(&folder.path().join("link")), Err(SocketFileError::NotASocket)));
        assert!(matches!(listen(&folder.path().join("none/web.sock")), Err(SocketFileError::System(_))));
    }
}
