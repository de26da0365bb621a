use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};

use super::*;
use crate::address::HostName;
use crate::network::{DeniedAddresses, DialError, NetworkStream, Purpose, Reach, SystemNetwork};

/// A name with these addresses. Those in 192.0.2.0/24 never answer, and all others are on this machine.
struct Names(Vec<SocketAddr>, Arc<Mutex<Vec<SocketAddr>>>);

impl Network for Names {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
        self.1.lock().expect("no panic").push(address);
        match address.ip() {
            IpAddr::V4(ip) if ip.octets()[..3] == [192, 0, 2] => Box::pin(std::future::pending()),
            _ => SystemNetwork.connect(address),
        }
    }
}

/// Connects to a host with these addresses. Also returns the addresses that were tried, in order.
async fn dial(
    addresses: &[SocketAddr],
    time: Duration,
) -> (Result<Box<dyn NetworkStream>, DialError>, Vec<SocketAddr>) {
    let network = Names(addresses.to_vec(), Arc::default());
    let destination = Destination {
        host: &HostName::Name("mail.example".to_owned()),
        port: addresses[0].port(),
        reach: Reach::Anywhere,
        denied: &DeniedAddresses::default(),
        purpose: Purpose::Smtp,
        account: None,
        route: None,
    };
    let outcome = destination.dial(&network, Instant::now() + time).await;
    let tried = network.1.lock().expect("no panic").clone();
    (outcome, tried)
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn at(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().expect(ip), port)
}

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_address_that_drops_packets_costs_a_quarter_of_a_second() {
    let (_server, address) = listener();
    let silent = |last| at(&format!("192.0.2.{last}"), address.port());
    let began = Instant::now();
    let (outcome, tried) = dial(&[silent(1), silent(2), address, silent(3)], PATIENCE).await;
    assert_eq!(outcome.expect("the third answers").peer_address(), Some(address));
    assert_eq!(tried, [silent(1), silent(2), address], "the fourth was not needed");
    let took = began.elapsed();
    assert!((HEAD_START * 2..Duration::from_secs(3)).contains(&took), "{took:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_whose_queue_is_full_does_not_hold_up_the_next_address() {
    use socket2::{Domain, Socket, Type};
    let (server, address) = listener();
    // With a full queue, the kernel drops every further SYN, like a broken route.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    full.bind(&at("127.0.0.2", address.port()).into()).expect("another address of this machine");
    full.listen(0).expect("it listens");
    let full_address = full.local_addr().expect("it is bound");
    let _queued: Vec<_> = (0..4)
        .map(|_| {
            let one = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            one.set_nonblocking(true).expect("a socket option");
            // The connection is queued, or waits to be queued.
            let _ = one.connect(&full_address);
            one
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let full_address = full_address.as_socket().expect("an address");
    let (outcome, tried) = dial(&[full_address, address], PATIENCE).await;
    assert_eq!(outcome.expect("the second answers").peer_address(), Some(address));
    assert_eq!(tried, [full_address, address]);
    drop(server);
}

#[tokio::test]
async fn the_next_address_is_tried_at_once_where_one_refuses() {
    let (_server, address) = listener();
    let refusing = |last| at(&format!("127.0.0.{last}"), address.port());
    let began = Instant::now();
    let (outcome, _) = dial(&[refusing(2), refusing(3), refusing(4), address], PATIENCE).await;
    outcome.expect("the fourth answers");
    assert!(began.elapsed() < HEAD_START, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_late_answer_of_the_first_address_counts() {
    /// The first address takes longer than its head start; the second never answers.
    struct Slow;
    impl Network for Slow {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(async { Ok(Vec::new()) })
        }

        fn connect(
            &self,
            address: SocketAddr,
        ) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
            Box::pin(async move {
                if !address.ip().is_loopback() {
                    return std::future::pending().await;
                }
                tokio::time::sleep(HEAD_START * 2).await;
                SystemNetwork.connect(address).await
            })
        }
    }
    let (_server, address) = listener();
    let destination = Destination {
        host: &HostName::Name("mail.example".to_owned()),
        port: address.port(),
        reach: Reach::Anywhere,
        denied: &DeniedAddresses::default(),
        purpose: Purpose::Smtp,
        account: None,
        route: None,
    };
    let addresses = vec![address, at("192.0.2.1", address.port())];
    let connected = connect(destination, addresses, &Slow, Instant::now() + PATIENCE).await;
    let reached = connected.expect("the first answers");
    assert_eq!(reached.stream.peer_address(), Some(address));
    assert_eq!(reached.address, Some(address));
    let [(other, why)] = &reached.others.each().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(*other, at("192.0.2.1", address.port()));
    assert!(why.starts_with("no answer within "), "{why}");
}

#[tokio::test]
async fn a_failure_names_each_address_and_why() {
    let (server, address) = listener();
    drop(server);
    let port = address.port();
    let (outcome, _) = dial(&[address, at("127.0.0.2", port)], PATIENCE).await;
    let Err(DialError::Unreached(unreached)) = outcome else { panic!("nothing listens there") };
    let text = unreached.to_string();
    assert!(!unreached.is_timeout(), "{text}");
    assert!(text.contains("127.0.0.1: ") && text.contains("127.0.0.2: "), "{text}");
    assert_eq!(text.matches("refused").count(), 2, "{text}");

    let silent: Vec<_> = (1..=9).map(|last| at(&format!("192.0.2.{last}"), port)).collect();
    let began = Instant::now();
    let (outcome, tried) = dial(&[&[address], &silent[..]].concat(), HEAD_START * 5).await;
    assert!(began.elapsed() < HEAD_START * 6, "one deadline holds for all: {:?}", began.elapsed());
    let Err(DialError::Unreached(unreached)) = outcome else { panic!("nothing answers there") };
    let text = unreached.to_string();
    assert!(unreached.is_timeout(), "{text}");
    assert!(
        text.contains("127.0.0.1: ") && text.contains("192.0.2.1: no answer within "),
        "{text}"
    );
    let (more, untried) = (tried.len() - SHOWN, 10 - tried.len());
    assert!(text.contains(&format!("and {more} more addresses")), "{text}");
    assert!(text.ends_with(&format!("there was no time for {untried} more")), "{text}");
}

#[test]
fn families_take_turns() {
    let order = |texts: &[&str]| {
        let addresses = texts.iter().map(|ip| at(ip, 25)).collect();
        interleaved(addresses).iter().map(|one| one.ip().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(order(&["::1", "::2", "::3", "10.0.0.1", "::1"]), ["::1", "10.0.0.1", "::2", "::3"]);
    assert_eq!(order(&["10.0.0.1", "10.0.0.2", "::1"]), ["10.0.0.1", "::1", "10.0.0.2"]);
    // An IPv4-mapped address counts as IPv4.
    assert_eq!(
        order(&["::ffff:10.0.0.1", "10.0.0.2", "::1"]),
        ["::ffff:10.0.0.1", "::1", "10.0.0.2"]
    );
    assert!(order(&[]).is_empty());
}
