//! The index of a chain finds what a scan finds.

use proptest::prelude::*;

use super::*;

const WORDS: &[&str] = &[
    "-d 10.0.0.2/32",
    "-d 10.0.0.3/32",
    "! -d 10.0.0.2/32",
    "-d 10.0.0.0/24",
    "-s 10.0.0.1/32",
    "-i eth0",
    "-i eth+",
    "! -i eth0",
    "-o veth1",
    "-o veth2",
    "-p udp",
    "-p tcp -m tcp --dport 80",
    "-p tcp -m tcp --dport 81",
    "-p tcp -m tcp ! --dport 80",
    "-p udp -m udp --dport 80",
    "-p tcp -m tcp --dport 80:90",
    "-m limit --limit 5/sec",
    "-m mark --mark 0x1/0x1",
    "-m recent --rcheck --name x",
    "-m statistic --mode random --probability 0.5",
];
const TARGETS: &[&str] = &[
    "-j ACCEPT",
    "-j DROP",
    "-j RETURN",
    "-j A",
    "-g B",
    "-j MARK --set-xmark 0x1/0x0",
    "-j LOG",
    "",
    "-j EMPTY",
];

fn rule() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(0..WORDS.len(), 0..3);
    (0..3usize, words, 0..TARGETS.len()).prop_map(|(chain, words, target)| {
        // Calls go one way, so that nothing loops.
        let (chain, targets) = [("FORWARD", 9), ("A", 7), ("B", 3)][chain];
        let target = TARGETS[target % targets];
        let target = if chain == "A" && target == "-j A" {
            "-j B"
        } else {
            target
        };
        let words: Vec<_> = words.iter().map(|place| WORDS[*place]).collect();
        format!("{chain} {} {target}", words.join(" "))
    })
}

proptest! {
    #[test]
    fn the_index_changes_nothing(
        rules in prop::collection::vec(rule(), 20..120),
        to in prop::sample::select(&["10.0.0.2:80", "10.0.0.3:81", "udp 10.0.0.2:80", "icmp 10.0.0.2", "gre 10.9.9.9"]),
        chosen in any::<bool>(),
        answers in prop::collection::vec(0usize..2, 0..40),
    ) {
        let table = table("filter", "FORWARD A B EMPTY", &rules.join("\n"));
        let mut packet = packet("10.0.0.1:40000", to);
        if let (true, crate::linux::packet::Transport::Tcp { dport, .. }) = (chosen, &mut packet.transport) {
            *dport = Port::Chosen { id: 0, low: 10, high: 100 };
        }
        let run = |compiled: &CompiledTable| {
            let mut script = Script { answers: answers.clone(), ..Script::default() };
            let outcome = compiled.run("FORWARD", &packet, &context(), &IpSets::default(), &mut script);
            (outcome, script.asked)
        };
        let indexed = run(&CompiledTable::new(table.clone()));
        prop_assert_eq!(indexed, run(&CompiledTable::unindexed(table)));
    }
}
