package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"testing"
)

// TestFigureAgrees: from 25 ms of randomness on, the medians are the paper's to
// within a tenth of themselves or 5 ms; and less randomness is worse.
func TestFigureAgrees(t *testing.T) {
	var medians []float64
	for _, e := range figure {
		e.trials = 400
		if e.Min == e.Max {
			e.trials = 20
		}
		median := summary(e.run(1))[2]
		medians = append(medians, median)
		if diff := math.Abs(median - e.paper[2]); e.Max-e.Min >= 12*ms && diff > max(5, e.paper[2]/10) {
			t.Errorf("%s: median %.0f ms, published %.0f ms", e.name(), median, e.paper[2])
		}
	}
	if !(medians[0] > medians[1] && medians[1] > medians[2] && medians[2] > medians[3]) {
		t.Errorf("medians with 0, 1, 5 and 25 ms of randomness: %.0f ms; want them to fall", medians[:4])
	}
}

func TestPlotIsXML(t *testing.T) {
	var curves []curve
	for _, e := range figure {
		curves = append(curves, curve{e.name(), []float64{1, 100, 1e6}})
	}
	d := xml.NewDecoder(bytes.NewReader(plot(curves)))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
