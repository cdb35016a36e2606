//! The app as a child process: start, kill, and start again on the same port.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, MutexGuard, Semaphore, watch};
use tokio::time::timeout;

use crate::args::AppOptions;
use crate::guard::Guard;
use crate::net::Reserved;

/// So long the end of the app may take. It is killed, so it takes none, but for a machine that hangs.
const END: Duration = Duration::from_secs(1);
/// So long the app may take for an answer to this process.
const ANSWER: Duration = Duration::from_secs(10);
/// So many restarts may wait for each other.
const RESTARTS: usize = 4;

/// The directory of the logs, which goes with this.
struct LogDir(PathBuf);

impl Drop for LogDir {
    fn drop(&mut self) {
        remove_logs(&self.0);
    }
}

pub(crate) struct AppProcess {
    options: AppOptions,
    _dir: LogDir,
    _port: Reserved,
    child: Mutex<Option<Child>>,
    restarts: Semaphore,
    /// Whether this is to end. Nothing is waited for then.
    ending: watch::Sender<bool>,
}

impl AppProcess {
    pub(crate) async fn start(port: Reserved, log_size: usize, guard: Option<Guard>) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("everwire-demo-{}-{:x}", std::process::id(), now.as_nanos());
        let dir = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        // What is said in the rooms is for nobody else on this machine.
        builder
            .mode(0o700)
            .create(&dir)
            .map_err(|error| format!("no directory for the logs at {}: {error}", dir.display()))?;
        let app = Self {
            _dir: LogDir(dir.clone()),
            options: AppOptions {
                address: port.address(),
                dir,
                log_size,
                epoch: format!("e{:x}", now.as_millis()),
                guard,
            },
            _port: port,
            child: Mutex::new(None),
            restarts: Semaphore::new(RESTARTS),
            ending: watch::Sender::new(false),
        };
        let child = app.spawn().await?;
        *app.child.lock().await = Some(child);
        Ok(app)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.options.address
    }

    /// SIGKILL, `down`, and a new start. Returns when the app listens again; one call at a time.
    pub(crate) async fn restart(&self, down: Duration) -> Result<(), String> {
        let _turn = self.restarts.try_acquire().map_err(|_| "too many restarts are under way".to_owned())?;
        let restart = async {
            let mut child = self.child.lock().await;
            kill(&mut child).await;
            tokio::time::sleep(down).await;
            *child = Some(self.spawn().await?);
            Ok(())
        };
        let mut ending = self.ending.subscribe();
        tokio::select! {
            biased;
            _ = ending.wait_for(|&ending| ending) => Err("the server is ending".to_owned()),
            done = restart => done,
        }
    }

    /// Waits for a restart under way.
    pub(crate) async fn settled(&self) {
        drop(self.child.lock().await);
    }

    /// For good: the logs go too.
    pub(crate) async fn stop(&self) {
        // A restart under way lets go of the child.
        self.ending.send_replace(true);
        let _ = timeout(END, async { kill(&mut self.child.lock().await).await }).await;
        remove_logs(&self.options.dir);
    }

    async fn spawn(&self) -> Result<Child, String> {
        let mut child = Command::new(own_executable().map_err(|e| e.to_string())?)
            .args(self.options.to_args())
            // The app exits when this pipe closes, so that it never outlives this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the app process did not start: {error}"))?;
        let stdout = child.stdout.take().ok_or("the app process has no stdout")?;
        let mut ready = String::new();
        match BufReader::new(stdout).read_line(&mut ready).await {
            Ok(1..) => Ok(child),
            _ => Err("the app process ended before it was ready; what it said is above.".to_owned()),
        }
    }

    /// One HTTP request to the app, past the proxy. Returns the body of the answer.
    pub(crate) async fn request(&self, method: &str, path: &str) -> io::Result<String> {
        let address = self.address();
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        timeout(ANSWER, stream.read_to_string(&mut answer)).await??;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
            _ => Err(io::Error::other("the app did not answer 200")),
        }
    }
}

async fn kill(child: &mut MutexGuard<'_, Option<Child>>) {
    if let Some(mut child) = child.take() {
        // An error says that it has ended by itself, which is as good.
        let _ = child.kill().await;
    }
}

/// This executable, also after a build has replaced the file that it was started from.
fn own_executable() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// Also called by the app when it finds that this process is gone.
pub(crate) fn remove_logs(dir: &Path) {
    // A process that is being killed may write a last file into it meanwhile.
    for _ in 0..20 {
        if std::fs::remove_dir_all(dir).is_ok() || !dir.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
