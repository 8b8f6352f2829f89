package vet

import (
	"embed"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"strings"
)

// The documentation of the checks: in English that of their packages, in Chinese
// one file with a section for each.
//
//go:embed busyloop/doc.go lockacross/doc.go missingunlock/doc.go replyreuse/doc.go rpcfields/doc.go
//go:embed sharedlog/doc.go staleterm/doc.go timeafter/doc.go explain.zh.txt
var explanations embed.FS

// Explain returns what a check looks for and why, in a language, "en" or "zh", as
// plain text; "" if there is no such check.
func Explain(lang, name string) string {
	known := false
	for _, a := range Analyzers() {
		known = known || a.Name == name
	}
	if !known {
		return ""
	}
	if lang == "zh" {
		b, err := explanations.ReadFile("explain.zh.txt")
		if err != nil {
			panic(err) // it is embedded
		}
		_, rest, _ := strings.Cut("\n"+string(b), "\n== "+name+"\n")
		text, _, _ := strings.Cut(rest, "\n== ")
		return strings.Trim(text, "\n") + "\n"
	}
	b, err := explanations.ReadFile(name + "/doc.go")
	if err != nil {
		panic(err) // it is embedded
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, b, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		panic(err)
	}
	var p comment.Parser
	text := string((&comment.Printer{TextWidth: 80}).Text(p.Parse(strings.TrimPrefix(f.Doc.Text(), "Package "))))
	return strings.ReplaceAll(text, "\t", "    ")
}
