//! Embeds the page again when it was built again.

fn main() {
    // Where there is no page yet, cargo looks again at every build: the page may have come.
    println!("cargo:rerun-if-changed=../web-demo/dist");
}
