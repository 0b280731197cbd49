//! The unix socket of a controller: made where nobody else listens, seen whole or not at all, gone at the end.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Who may connect by the file's permissions; who may do what is decided by the user of the other end.
const MODE: u32 = 0o660;

/// A socket that is listened on.
pub struct Bound {
    listener: UnixListener,
    place: Place,
}

/// The file of a socket; dropped, it goes.
pub struct Place(PathBuf);

impl Bound {
    /// What takes connections, and the file that is to go after it.
    pub fn split(self) -> (UnixListener, Place) {
        (self.listener, self.place)
    }
}

/// Says why a socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody listens there.
    #[error("another controller listens at {path}: stop it, or set another socket in driftless.toml", path = .0.display())]
    Live(PathBuf),
    /// Something else stands there.
    #[error("{path} is there and is no socket: move it away, or set another socket in driftless.toml", path = .0.display())]
    NotASocket(PathBuf),
    /// The machine said no.
    #[error("could not make the socket {path}: see that its folder is yours to write and its path is shorter than 100 characters, or set another socket in driftless.toml", path = path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
}

/// Listens on a socket, in a folder of our own where that is missing (0700). One that nobody listens on any more is
/// replaced.
pub fn bind(path: &Path) -> Result<Bound, SocketError> {
    let refused = |source| SocketError::Refused { path: path.to_owned(), source };
    if let Ok(there) = std::fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        if is_live(path) {
            return Err(SocketError::Live(path.to_owned()));
        }
    }
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused)?;
    // Made beside and moved into place, so that it is never there without its permissions, and a stale one goes.
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let gone = std::fs::remove_file(&draft);
    if let Err(error) = gone.as_ref()
        && error.kind() != io::ErrorKind::NotFound
    {
        gone.map_err(refused)?;
    }
    let listener = UnixListener::bind(&draft).map_err(refused)?;
    std::fs::set_permissions(&draft, Permissions::from_mode(MODE)).map_err(refused)?;
    std::fs::rename(&draft, path).map_err(refused)?;
    Ok(Bound { listener, place: Place(path.to_owned()) })
}

/// Says whether somebody listens on a socket.
pub fn is_live(path: &Path) -> bool {
    match UnixStream::connect(path) {
        Ok(_) => true,
        // Somebody may be there whom we may not speak to; its place is not ours to take.
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied || error.kind() == io::ErrorKind::WouldBlock,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
