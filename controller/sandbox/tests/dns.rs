//! DNS over UDP and TCP.

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::*;

fn query(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
    message.to_vec().expect("bytes")
}

impl Bed {
    async fn ask(&self, name: &str, kind: RecordType) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let server = self.running.dns_addr.expect("dns");
        socket.send_to(&query(name, kind), server).await.expect("sent");
        let mut buffer = vec![0; 4096];
        let length = socket.recv(&mut buffer).await.expect("a reply");
        Message::from_vec(&buffer[..length]).expect("a message")
    }

    async fn say(&self, name: &str, kind: RecordType) -> Vec<String> {
        let reply = self.ask(name, kind).await;
        reply.answers.iter().map(|record| record.data.to_string()).collect()
    }
}

async fn zone() -> Bed {
    let bed = bed(quick()).await;
    bed.done("POST", "/v2/domains", json!({"name": "example.com", "ip_address": "192.0.2.1"})).await;
    for body in [
        json!({"type": "CNAME", "name": "www", "data": "@"}),
        json!({"type": "A", "name": "*.apps", "data": "192.0.2.7"}),
        json!({"type": "AAAA", "name": "six", "data": "2001:db8::6"}),
        json!({"type": "MX", "name": "@", "data": "mail.example.org.", "priority": 10}),
        json!({"type": "TXT", "name": "@", "data": "v=spf1 -all"}),
        json!({"type": "SRV", "name": "_sip._tcp", "data": "sip.example.org.", "priority": 1, "weight": 2, "port": 5060}),
        json!({"type": "CAA", "name": "@", "data": "letsencrypt.org.", "flags": 0, "tag": "issue"}),
    ] {
        bed.done("POST", "/v2/domains/example.com/records", body).await;
    }
    bed
}

#[tokio::test]
async fn every_type_is_answered_as_its_record_says() {
    let bed = zone().await;
    for (name, kind, answers) in [
        ("example.com.", RecordType::A, vec!["192.0.2.1"]),
        ("WWW.example.com.", RecordType::A, vec!["example.com.", "192.0.2.1"]),
        ("x.apps.example.com.", RecordType::A, vec!["192.0.2.7"]),
        ("six.example.com.", RecordType::AAAA, vec!["2001:db8::6"]),
        ("example.com.", RecordType::MX, vec!["10 mail.example.org."]),
        ("example.com.", RecordType::TXT, vec!["v=spf1 -all"]),
        ("_sip._tcp.example.com.", RecordType::SRV, vec!["1 2 5060 sip.example.org."]),
        ("example.com.", RecordType::CAA, vec!["0 issue \"letsencrypt.org\""]),
    ] {
        assert_eq!(bed.say(name, kind).await, answers, "{name} {kind}");
    }
    assert_eq!(bed.say("example.com.", RecordType::NS).await.len(), 3);
    assert_eq!(bed.say("example.com.", RecordType::SOA).await.len(), 1);
}

#[tokio::test]
async fn a_name_without_that_type_is_not_the_same_as_no_name() {
    let bed = zone().await;
    for (name, code) in [
        ("six.example.com.", ResponseCode::NoError),
        ("_tcp.example.com.", ResponseCode::NoError),
        ("none.example.com.", ResponseCode::NXDomain),
        ("example.net.", ResponseCode::Refused),
    ] {
        let reply = bed.ask(name, RecordType::A).await;
        assert_eq!(reply.metadata.response_code, code, "{name}");
        assert!(reply.answers.is_empty());
    }
}

#[tokio::test]
async fn an_answer_too_long_for_udp_comes_whole_over_tcp() {
    let bed = zone().await;
    for number in 0..8 {
        let data = format!("{number}{}", "x".repeat(200));
        let body = json!({"type": "TXT", "name": "long", "data": data});
        bed.done("POST", "/v2/domains/example.com/records", body).await;
    }
    let short = bed.ask("long.example.com.", RecordType::TXT).await;
    assert!(short.metadata.truncation);
    let mut stream = TcpStream::connect(bed.running.dns_addr.expect("dns")).await.expect("a connection");
    let bytes = query("long.example.com.", RecordType::TXT);
    stream.write_u16(bytes.len() as u16).await.expect("sent");
    stream.write_all(&bytes).await.expect("sent");
    let length = stream.read_u16().await.expect("a length");
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await.expect("a reply");
    assert_eq!(Message::from_vec(&reply).expect("a message").answers.len(), 8);
}
