//! What the README says of Kubernetes.

use repository::read;
use repository::readme::{blocks, chapter};
use serde_json::{Value, json};

use crate::helm::render;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_readmes_values_make_a_chart_whose_images_its_commands_build() {
    let readme = read("README.md");
    let chapter = chapter(&readme, "On Kubernetes\n");
    let [values] = &blocks(chapter, "yaml")[..] else { panic!("one example of values") };
    let values: Value = serde_saphyr::from_str(values).expect("the values are YAML");
    let rendered = render(&values);
    assert!(!rendered.notes.is_empty());

    let [commands] = &blocks(chapter, "sh")[..] else { panic!("one block of commands") };
    let dockerfile = read("xtask/src/dist/Dockerfile");
    let mut built = Vec::new();
    let mut pushed = Vec::new();
    for command in commands.lines() {
        match command.split(' ').collect::<Vec<_>>()[..] {
            ["docker", "build", "--target", target, "--tag", image, "."] => {
                assert!(dockerfile.contains(&format!(" AS {target}\n")), "{command}");
                built.push(image);
            }
            ["docker", "push", image] => pushed.push(image),
            ["helm", "install", release, archive, "--namespace", ..] => {
                assert_eq!(release, "flowguard");
                assert_eq!(archive, format!("flowguard-{VERSION}.tgz"));
            }
            _ => panic!("no test knows what this is to do: {command}"),
        }
    }
    assert_eq!(built, pushed);
    let objects = json!(rendered.objects).to_string();
    for image in built {
        assert!(objects.contains(&format!("\"{image}\"")), "no pod runs {image}");
    }
}
