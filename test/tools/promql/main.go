// SPDX-License-Identifier: Apache-2.0

// Command promql-check reads rule files and dashboards as Prometheus would, and prints the metrics that they name.
//
// Usage: promql-check [-rules FILE] <expressions.json    (a JSON list of expressions on standard input)
//
// Prints one name a line, sorted. Whatever does not parse is an error.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	log.SetFlags(0)
	rules := flag.String("rules", "", "file with rule groups")
	flag.Parse()
	reader := parser.NewParser(parser.Options{})
	var expressions []string
	if err := json.NewDecoder(os.Stdin).Decode(&expressions); err != nil {
		log.Fatalf("standard input: %v", err)
	}
	if *rules != "" {
		expressions = append(expressions, readRules(*rules, reader)...)
	}
	names := map[string]bool{}
	for _, expression := range expressions {
		parsed, err := reader.ParseExpr(expression)
		if err != nil {
			log.Fatalf("%s: %v", expression, err)
		}
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				names[nameOf(selector)] = true
			}
			return nil
		})
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Println(name)
	}
}

// readRules checks what promtool checks: groups, durations, labels and the templates of annotations.
func readRules(file string, reader parser.Parser) []string {
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, reader, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		log.Print(err)
	}
	if len(errs) > 0 {
		os.Exit(1)
	}
	var expressions []string
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			expressions = append(expressions, rule.Expr)
		}
	}
	return expressions
}

func nameOf(selector *parser.VectorSelector) string {
	for _, matcher := range selector.LabelMatchers {
		if matcher.Name == labels.MetricName {
			return matcher.Value
		}
	}
	return selector.String()
}
