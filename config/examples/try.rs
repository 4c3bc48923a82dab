use std::path::Path;
fn main() {
    for f in std::env::args().skip(1) {
        println!("=== {f}\n{}", std::fs::read_to_string(&f).unwrap());
        match config::load(Path::new(&f), &config::RealEnvironment) {
            Ok(h) => println!("OK {} {:?}", h.version, h.warnings),
            Err(e) => println!("{e}"),
        }
    }
}
