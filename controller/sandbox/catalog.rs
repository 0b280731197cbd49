//! What DigitalOcean sells: regions, sizes with their prices, distribution images. Data only, as of 2026;
//! nothing here changes while the simulator runs.

use std::sync::LazyLock;

use serde::Serialize;

use super::call::{Answer, Call};
use super::images::Image;
use super::pages;

/// The one catalogue that all teams see.
pub(super) static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::build);

const HOURS_A_MONTH: f64 = 672.0;

/// Slug, name, available, offers GPU sizes.
const REGIONS: &[(&str, &str, bool, bool)] = &[
    ("nyc1", "New York 1", true, false),
    ("nyc2", "New York 2", true, true),
    ("nyc3", "New York 3", true, false),
    ("sfo1", "San Francisco 1", false, false),
    ("sfo2", "San Francisco 2", true, false),
    ("sfo3", "San Francisco 3", true, false),
    ("ams2", "Amsterdam 2", false, false),
    ("ams3", "Amsterdam 3", true, false),
    ("sgp1", "Singapore 1", true, false),
    ("lon1", "London 1", true, false),
    ("fra1", "Frankfurt 1", true, false),
    ("tor1", "Toronto 1", true, true),
    ("blr1", "Bangalore 1", true, false),
    ("syd1", "Sydney 1", true, false),
];

/// Slug, MB of memory, vCPUs, GB of disk, TB of transfer, dollars a month, description.
const SIZES: &[(&str, u64, u64, u64, f64, f64, &str)] = &[
    ("s-1vcpu-512mb-10gb", 512, 1, 10, 0.5, 4.0, "Basic"),
    ("s-1vcpu-1gb", 1024, 1, 25, 1.0, 6.0, "Basic"),
    ("s-1vcpu-1gb-amd", 1024, 1, 25, 1.0, 7.0, "Basic AMD"),
    ("s-1vcpu-1gb-intel", 1024, 1, 25, 1.0, 7.0, "Basic Intel"),
    ("s-1vcpu-2gb", 2048, 1, 50, 2.0, 12.0, "Basic"),
    ("s-1vcpu-2gb-amd", 2048, 1, 50, 2.0, 14.0, "Basic AMD"),
    ("s-1vcpu-2gb-intel", 2048, 1, 50, 2.0, 14.0, "Basic Intel"),
    ("s-2vcpu-2gb", 2048, 2, 60, 3.0, 18.0, "Basic"),
    ("s-2vcpu-2gb-amd", 2048, 2, 60, 3.0, 21.0, "Basic AMD"),
    ("s-2vcpu-2gb-intel", 2048, 2, 60, 3.0, 21.0, "Basic Intel"),
    ("s-2vcpu-4gb", 4096, 2, 80, 4.0, 24.0, "Basic"),
    ("s-2vcpu-4gb-amd", 4096, 2, 80, 4.0, 28.0, "Basic AMD"),
    ("s-2vcpu-4gb-intel", 4096, 2, 80, 4.0, 28.0, "Basic Intel"),
    ("c-2", 4096, 2, 25, 4.0, 42.0, "CPU-Optimized"),
    ("c2-2vcpu-4gb", 4096, 2, 50, 4.0, 47.0, "CPU-Optimized 2x SSD"),
    ("s-4vcpu-8gb", 8192, 4, 160, 5.0, 48.0, "Basic"),
    ("s-4vcpu-8gb-amd", 8192, 4, 160, 5.0, 56.0, "Basic AMD"),
    ("s-4vcpu-8gb-intel", 8192, 4, 160, 5.0, 56.0, "Basic Intel"),
    ("g-2vcpu-8gb", 8192, 2, 25, 4.0, 63.0, "General Purpose"),
    ("gd-2vcpu-8gb", 8192, 2, 50, 4.0, 68.0, "General Purpose 2x SSD"),
    ("c-4", 8192, 4, 50, 5.0, 84.0, "CPU-Optimized"),
    ("m-2vcpu-16gb", 16384, 2, 50, 4.0, 84.0, "Memory-Optimized"),
    ("c2-4vcpu-8gb", 8192, 4, 100, 5.0, 94.0, "CPU-Optimized 2x SSD"),
    ("s-8vcpu-16gb", 16384, 8, 320, 6.0, 96.0, "Basic"),
    ("s-8vcpu-16gb-amd", 16384, 8, 320, 6.0, 112.0, "Basic AMD"),
    ("s-8vcpu-16gb-intel", 16384, 8, 320, 6.0, 112.0, "Basic Intel"),
    ("g-4vcpu-16gb", 16384, 4, 50, 5.0, 126.0, "General Purpose"),
    ("so-2vcpu-16gb", 16384, 2, 300, 4.0, 131.0, "Storage-Optimized"),
    ("c-8", 16384, 8, 100, 6.0, 168.0, "CPU-Optimized"),
    ("m-4vcpu-32gb", 32768, 4, 100, 6.0, 168.0, "Memory-Optimized"),
    ("g-8vcpu-32gb", 32768, 8, 100, 6.0, 252.0, "General Purpose"),
    ("m-8vcpu-64gb", 65536, 8, 200, 7.0, 336.0, "Memory-Optimized"),
    ("c-16", 32768, 16, 200, 7.0, 336.0, "CPU-Optimized"),
    ("g-16vcpu-64gb", 65536, 16, 200, 7.0, 504.0, "General Purpose"),
    ("gpu-l40sx1-48gb", 65536, 8, 500, 10.0, 1055.04, "L40S GPU - 1X"),
    ("gpu-h100x1-80gb", 245_760, 20, 720, 15.0, 2278.08, "H100 GPU - 1X"),
];

/// Id, slug, name, distribution, GB of disk at least, GB of image.
const IMAGES: &[(u64, &str, &str, &str, u64, f64)] = &[
    (155_133_621, "ubuntu-20-04-x64", "20.04 (LTS) x64", "Ubuntu", 7, 0.69),
    (155_133_622, "ubuntu-22-04-x64", "22.04 (LTS) x64", "Ubuntu", 7, 0.68),
    (155_133_623, "ubuntu-24-04-x64", "24.04 (LTS) x64", "Ubuntu", 7, 0.61),
    (155_133_624, "ubuntu-25-04-x64", "25.04 x64", "Ubuntu", 7, 0.64),
    (156_434_821, "debian-11-x64", "11 x64", "Debian", 7, 0.54),
    (156_434_822, "debian-12-x64", "12 x64", "Debian", 7, 0.5),
    (156_434_823, "debian-13-x64", "13 x64", "Debian", 7, 0.52),
    (157_520_211, "fedora-42-x64", "42 x64", "Fedora", 10, 0.78),
    (157_520_311, "rockylinux-9-x64", "9 x64", "Rocky Linux", 10, 1.78),
    (157_520_411, "centos-stream-9-x64", "9 Stream x64", "CentOS", 10, 1.31),
    (157_520_511, "gpu-h100x1-base", "NVIDIA AI/ML Ready", "Ubuntu", 35, 12.2),
];

/// A datacentre.
#[derive(Debug, Serialize)]
pub(super) struct Region {
    pub(super) name: &'static str,
    pub(super) slug: &'static str,
    pub(super) features: Vec<&'static str>,
    pub(super) available: bool,
    pub(super) sizes: Vec<&'static str>,
}

/// A plan that a droplet can have.
#[derive(Debug, Serialize)]
pub(super) struct Size {
    pub(super) slug: &'static str,
    pub(super) memory: u64,
    pub(super) vcpus: u64,
    pub(super) disk: u64,
    pub(super) transfer: f64,
    pub(super) price_monthly: f64,
    pub(super) price_hourly: f64,
    pub(super) regions: Vec<&'static str>,
    pub(super) available: bool,
    pub(super) description: &'static str,
    pub(super) disk_info: [Disk; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gpu_info: Option<Gpu>,
}

/// A disk that comes with a size.
#[derive(Debug, Serialize)]
pub(super) struct Disk {
    #[serde(rename = "type")]
    kind: &'static str,
    size: Amount,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Amount {
    amount: u64,
    unit: &'static str,
}

/// The GPUs that come with a size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Gpu {
    count: u64,
    model: &'static str,
    vram: Amount,
}

/// Everything that is for sale.
pub(super) struct Catalog {
    pub(super) regions: Vec<Region>,
    pub(super) sizes: Vec<Size>,
    pub(super) images: Vec<Image>,
}

impl Catalog {
    fn build() -> Self {
        let open = || REGIONS.iter().filter(|region| region.2);
        let sizes: Vec<Size> = SIZES
            .iter()
            .map(|&(slug, memory, vcpus, disk, transfer, price, description)| {
                let gpu = slug.starts_with("gpu-");
                Size {
                    slug,
                    memory,
                    vcpus,
                    disk,
                    transfer,
                    price_monthly: price,
                    price_hourly: (price / HOURS_A_MONTH * 1e5).round() / 1e5,
                    regions: open().filter(|region| !gpu || region.3).map(|region| region.0).collect(),
                    available: true,
                    description,
                    disk_info: [local_disk(disk)],
                    gpu_info: gpu.then(|| gpu_of(slug)),
                }
            })
            .collect();
        let regions = REGIONS
            .iter()
            .map(|&(slug, name, available, _)| Region {
                name,
                slug,
                features: features(slug),
                available,
                sizes: sizes.iter().filter(|size| size.regions.contains(&slug)).map(|size| size.slug).collect(),
            })
            .collect();
        let everywhere: Vec<String> = open().map(|region| region.0.to_owned()).collect();
        let images = IMAGES
            .iter()
            .map(|&(id, slug, name, distribution, disk, gigabytes)| {
                Image::base(id, slug, name, distribution, disk, gigabytes, &everywhere)
            })
            .collect();
        Self { regions, sizes, images }
    }

    pub(super) fn size(&self, slug: &str) -> Option<&Size> {
        self.sizes.iter().find(|size| size.slug == slug)
    }

    pub(super) fn region(&self, slug: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.slug == slug)
    }
}

/// Returns the disk that the API shows for a number of GB.
pub(super) fn local_disk(gigabytes: u64) -> Disk {
    Disk { kind: "local", size: Amount { amount: gigabytes, unit: "gib" } }
}

fn gpu_of(slug: &str) -> Gpu {
    let (model, amount) = match slug.contains("h100") {
        true => ("nvidia_h100", 80),
        false => ("nvidia_l40s", 48),
    };
    Gpu { count: 1, model, vram: Amount { amount, unit: "gib" } }
}

fn features(slug: &str) -> Vec<&'static str> {
    let mut all = vec!["backups", "ipv6", "metadata", "install_agent"];
    if !matches!(slug, "sfo1" | "ams2" | "nyc2") {
        all.extend(["storage", "image_transfer"]);
    }
    all
}

/// Answers `GET /v2/regions`.
pub(super) fn regions(call: &Call<'_>) -> Answer {
    pages::list(call, "regions", CATALOG.regions.iter(), |region| region)
}

/// Answers `GET /v2/sizes`.
pub(super) fn sizes(call: &Call<'_>) -> Answer {
    pages::list(call, "sizes", CATALOG.sizes.iter(), |size| size)
}
