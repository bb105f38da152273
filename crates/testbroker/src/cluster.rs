//! Several nodes, each a process that can be killed, frozen, and started again.

use std::process::Output;
use std::thread;

use crate::process::{self, Data, Life, Process};

/// A cluster of a test's own. Its topics have three replicas, of which two must have a record.
#[derive(Debug)]
pub struct Cluster {
    brokers: String,
    /// `None` while it is away.
    nodes: Vec<Option<Process>>,
    data: Data,
}

impl Cluster {
    /// So many nodes, with these properties of the server over those of a test broker. `None` if there can be none, which is
    /// told.
    pub fn start(nodes: usize, properties: &[(&str, &str)]) -> Option<Cluster> {
        let data = Data::new();
        let mut command = process::script("make");
        command.arg("--data").arg(data.folder()).args(["--nodes", &nodes.to_string()]);
        properties.iter().for_each(|(name, value)| _ = command.arg("--set").arg(format!("{name}={value}")));
        let made = command.output().expect("bash runs the broker's script");
        if !made.status.success() {
            eprint!("{}", String::from_utf8_lossy(&made.stderr));
            process::is_unavailable(made.status.code());
            return crate::skipped();
        }
        let mut cluster = Cluster { brokers: String::new(), nodes: (0..nodes).map(|_| None).collect(), data };
        cluster.start_all();
        let addresses: Vec<&str> = cluster.nodes.iter().flatten().map(Process::brokers).collect();
        cluster.brokers = addresses.join(",");
        Some(cluster)
    }

    /// Where clients find it.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// How many nodes there are, those that are away too.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// What one of Kafka's own tools, by the name of its class, says of it.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Output {
        process::tool(&self.brokers, class, arguments)
    }

    /// Kills a node as a power cut does. They are counted from 0.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].take().into_iter().for_each(Process::kill);
    }

    /// Asks a node to end in good order, which hands its leaders over, and waits until it has.
    pub fn terminate(&mut self, node: usize) {
        self.nodes[node].take().into_iter().for_each(Process::terminate);
    }

    /// Starts a node that is away, with its data and at its port, and waits until it takes requests.
    pub fn start_again(&mut self, node: usize) {
        self.nodes[node] = started(&self.data, node);
    }

    /// Stops a node where it is: it keeps its connections and says nothing.
    pub fn pause(&self, node: usize) {
        self.node(node).signal("-STOP");
    }

    /// Lets a node go on after [`Cluster::pause`].
    pub fn go_on(&self, node: usize) {
        self.node(node).signal("-CONT");
    }

    fn node(&self, node: usize) -> &Process {
        self.nodes[node].as_ref().expect("the node runs")
    }

    /// All that are away, side by side: a node alone has no quorum, and would wait for ever.
    fn start_all(&mut self) {
        let data = &self.data;
        thread::scope(|scope| {
            let away = self.nodes.iter_mut().enumerate().filter(|(_, process)| process.is_none());
            let starting: Vec<_> =
                away.map(|(node, place)| (place, scope.spawn(move || started(data, node)))).collect();
            for (place, process) in starting {
                *place = process.join().expect("the node starts");
            }
        });
    }
}

/// The node of a folder that was made.
fn started(data: &Data, node: usize) -> Option<Process> {
    Process::start(&data.folder().join((node + 1).to_string()), Life::Minutes, &[], &[])
}
