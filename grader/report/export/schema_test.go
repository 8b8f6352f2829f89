package export

import (
	"encoding/xml"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// schema is the part of XML Schema that testdata/junit.xsd is written in. What
// of the file is not in it fails the reading, so that no rule goes unchecked.
type schema struct {
	types    map[string]*regexp.Regexp
	elements map[string]*element
}

type element struct {
	mixed    bool
	children []child
	attrs    map[string]attr
}

type child struct {
	name     string
	min, max int // max -1: unbounded
}

type attr struct {
	is       *regexp.Regexp
	required bool
}

// node is an element of any XML.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Nodes   []node     `xml:",any"`
	Text    string     `xml:",chardata"`
}

func (n *node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func readSchema(t testing.TB) *schema {
	b, err := os.ReadFile("testdata/junit.xsd")
	if err != nil {
		t.Fatal(err)
	}
	var root node
	if err := xml.Unmarshal(b, &root); err != nil {
		t.Fatal(err)
	}
	s := &schema{
		types:    map[string]*regexp.Regexp{"xs:string": regexp.MustCompile(`(?s)^.*$`), "xs:nonNegativeInteger": regexp.MustCompile(`^\+?[0-9]+$`)},
		elements: make(map[string]*element),
	}
	for _, n := range root.Nodes {
		switch n.XMLName.Local {
		case "simpleType":
			s.types[n.attr("name")] = regexp.MustCompile("^(?:" + n.Nodes[0].Nodes[0].attr("value") + ")$")
		case "element":
			s.elements[n.attr("name")] = s.element(t, &n.Nodes[0])
		default:
			t.Fatalf("junit.xsd: %s is not understood here", n.XMLName.Local)
		}
	}
	if len(s.elements) < 8 {
		t.Fatalf("junit.xsd: found only %d elements", len(s.elements))
	}
	return s
}

func (s *schema) element(t testing.TB, n *node) *element {
	e := &element{mixed: n.attr("mixed") == "true", attrs: make(map[string]attr)}
	for _, x := range n.Nodes {
		switch x.XMLName.Local {
		case "sequence":
			for _, c := range x.Nodes {
				k := child{name: c.attr("ref"), min: 1, max: 1}
				if c.attr("minOccurs") == "0" {
					k.min = 0
				}
				if c.attr("maxOccurs") == "unbounded" {
					k.max = -1
				}
				e.children = append(e.children, k)
			}
		case "attribute":
			is := s.types[x.attr("type")]
			if is == nil {
				t.Fatalf("junit.xsd: the type %q is not understood here", x.attr("type"))
			}
			e.attrs[x.attr("name")] = attr{is, x.attr("use") == "required"}
		default:
			t.Fatalf("junit.xsd: %s is not understood here", x.XMLName.Local)
		}
	}
	return e
}

// check validates a document against the schema.
func (s *schema) check(doc []byte, root string) error {
	var n node
	if err := xml.Unmarshal(doc, &n); err != nil {
		return err
	}
	if n.XMLName.Local != root {
		return fmt.Errorf("expected the root %s, found %s", root, n.XMLName.Local)
	}
	return s.checkNode(&n)
}

func (s *schema) checkNode(n *node) error {
	name := n.XMLName.Local
	e := s.elements[name]
	if e == nil {
		return fmt.Errorf("there is no element %s", name)
	}
	seen := make(map[string]bool)
	for _, a := range n.Attrs {
		x, ok := e.attrs[a.Name.Local]
		switch {
		case !ok:
			return fmt.Errorf("%s has no attribute %s", name, a.Name.Local)
		case !x.is.MatchString(a.Value):
			return fmt.Errorf("%s: the attribute %s cannot be %q", name, a.Name.Local, a.Value)
		}
		seen[a.Name.Local] = true
	}
	for a, x := range e.attrs {
		if x.required && !seen[a] {
			return fmt.Errorf("%s lacks the attribute %s", name, a)
		}
	}
	if !e.mixed && strings.TrimSpace(n.Text) != "" {
		return fmt.Errorf("%s has text: %q", name, n.Text)
	}
	at := 0
	for _, c := range e.children {
		count := 0
		for at < len(n.Nodes) && n.Nodes[at].XMLName.Local == c.name && (c.max < 0 || count < c.max) {
			if err := s.checkNode(&n.Nodes[at]); err != nil {
				return err
			}
			at++
			count++
		}
		if count < c.min {
			return fmt.Errorf("%s lacks %s", name, c.name)
		}
	}
	if at < len(n.Nodes) {
		return fmt.Errorf("%s may not have %s there", name, n.Nodes[at].XMLName.Local)
	}
	return nil
}

// The reading of the schema refuses what the schema refuses.
func TestSchemaRefuses(t *testing.T) {
	s := readSchema(t)
	const head = `<testsuites name="x" tests="0" failures="0" errors="0" skipped="0" time="0.000">`
	if err := s.check([]byte(head+"</testsuites>"), "testsuites"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		`<testsuite/>`, `<testsuites/>`, head + "text</testsuites>", head + "<testcase/></testsuites>",
		strings.Replace(head, `"0.000"`, `"soon"`, 1) + "</testsuites>", strings.Replace(head, `tests="0"`, `tests="-1"`, 1) + "</testsuites>",
		strings.Replace(head, "tests=", "more=", 1) + "</testsuites>", head,
		head + `<testsuite name="x" tests="0" failures="0" errors="0" skipped="0" time="0.000"><testcase name="x" classname="x" time="0.000"><failure message="" type=""/><error message="" type=""/></testcase></testsuite></testsuites>`,
	} {
		if s.check([]byte(bad), "testsuites") == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
