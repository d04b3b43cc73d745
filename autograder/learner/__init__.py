"""What a learner's own machine needs: workspace, Lab, environment check, figure style."""
