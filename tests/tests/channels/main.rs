//! PCC channels of every type, seen by Linux 7.x and 6.12: the real kernels
//! and the real QEMU. The platform is played by [`pccd_tests::peer`], the
//! driver is `guest-scripts/pcc-client`.

mod boot;
mod core;
mod drivers;
mod garbage;
mod lab;
mod mctp;
mod table;
mod types;
